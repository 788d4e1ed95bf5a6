import cProfile, pstats, time, io
from datetime import datetime
from uuid import uuid4
import pytest, time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from tests import factories

@pytest.mark.django_db
def test_profile(municipality, now):
    with time_machine.travel(now, tick=False):
        role = factories.MembershipFactory.create()
        classes = [factories.SchoolClassFactory.create(school=role.school, start_year=2018, letter=chr(65 + n), pupils=24) for n in range(24)]
        sessions = [factories.SessionFactory.create(places=1000) for _ in range(8)]
        client = Client(); client.force_login(role.user)
        def post(s, c):
            r = client.post(reverse("enrol", args=(s.pk,)), {"school_class": str(c.pk), "pupils": "24", "adults": "2", "phone": "", "form_token": str(uuid4())})
            assert r.status_code == 302, r.content.decode()[:3000]
        post(sessions[0], classes[0]); post(sessions[1], classes[0])
        with CaptureQueriesContext(connection, ) as q:
            post(sessions[2], classes[0])
        for one in q.captured_queries: print(one["time"], one["sql"][:260])
        print(len(q.captured_queries))
        p = cProfile.Profile(); n = 0
        t = time.process_time()
        for s in sessions[3:5]:
            for c in classes[1:]:
                post(s, c); n += 1
        print("ms each plain", (time.process_time() - t) / n * 1000)
        n = 0
        p.enable()
        for s in sessions[5:7]:
            for c in classes[1:]:
                post(s, c); n += 1
        p.disable()
        o = io.StringIO(); st = pstats.Stats(p, stream=o); st.sort_stats("cumulative").print_stats(70); print(n); print(o.getvalue())
        o = io.StringIO(); st = pstats.Stats(p, stream=o); st.sort_stats("tottime").print_stats(35); print(o.getvalue())
