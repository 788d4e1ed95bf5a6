"""Another house's door: OpenID Connect, with the municipality's own sign-in or with UNI-Login's broker.

django-allauth keeps the state and PKCE; what it leaves out stands in ``provider``: the nonce, the signature, issuer,
audience and age of the token. Who comes is recognised by issuer and subject, never by an e-mail address.
"""
