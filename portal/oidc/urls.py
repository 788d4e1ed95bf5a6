"""Addresses of the other houses' doors."""

from django.urls import path

from portal.oidc import views

urlpatterns = [
    path("<slug:provider_id>/", views.begin, name="oidc-begin"),
    path("<slug:provider_id>/svar/", views.answer, name="oidc-answer"),
]
