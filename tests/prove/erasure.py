"""A person is erased, and forgotten in time: what is left of a whole life, and what is older than its lifetime.

Two lives are lived through the real doors on a database of their own, with a worker's mails and a real Valkey; then a
dump of the database, the media folder, every key of Valkey and all that was logged are searched for every string of
theirs. The negative controls: the same search before the erasure must find every string, and leaving out any one of
the steps that matter must leave something. Then three years of visits are simulated, with the nightly forgetting.
"""

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import redis

from tests.prove.figures import Figure
from tests.prove.ground import fresh_database, run_in_portal

DATABASE = "prove_erasure"


def everything_in_redis(address: str) -> str:
    """Return every key with its value, as text."""
    place = urlsplit(address)
    local = place.scheme.endswith("+socket") or place.scheme == "unix"
    client: Any = redis.Redis(unix_socket_path=place.path) if local else redis.Redis.from_url(address)
    parts = []
    for key in client.scan_iter():
        value = client.dump(key) or b""
        parts.append(f"{key!r} {value.decode(errors='replace')}")
    return "\n".join(parts)


def prove() -> Iterator[Figure]:
    """Yield hits and changed statistics for a teacher and a contact, and what is too old in 36 simulated months."""
    left_over, changed, unseen, blind, kept = 0, 0, 0, 0, []
    for who in ("teacher", "contact"):
        with fresh_database(DATABASE) as database:
            said = run_in_portal(database, "tests.prove.canaries", who)
            found: dict[str, Any] = json.loads(said.splitlines()[-1])
            logged = "\n".join(said.splitlines()[:-1])
        outside = (logged + everything_in_redis(os.environ["REDIS_URL"])).lower()
        left_over += sum(found["after"].values()) + sum(outside.count(word.lower()) for word in found["canaries"])
        changed += found["changed"]
        unseen += sum(1 for count in found["before"].values() if count == 0)
        blind += sum(1 for step in found["expected"] if step not in found["needed"])
        kept.append(f"{who}: {sum(found['before'].values())} hits before, {len(found['needed'])} steps each needed")
    control = "; ".join(kept)
    yield Figure(
        name="canary hits after erasure", value=left_over, goal="0", held=left_over == 0 and blind == 0, control=control
    )
    yield Figure(name="strings that never got in", value=unseen, goal="0", held=unseen == 0)
    yield Figure(name="statistics changed", value=changed, goal="0", held=changed == 0)
    with fresh_database(DATABASE) as database:
        years: dict[str, int] = json.loads(run_in_portal(database, "tests.prove.years").splitlines()[-1])
    yield Figure(
        name="rows older than their lifetime in 36 months",
        value=years["too_old"],
        goal="0",
        held=years["too_old"] == 0 and years["without"] > 0,
        control=f"{years['rows']} rows; without the nightly forgetting {years['without']} would be",
    )
    yield Figure(name="rules that stumbled", value=years["stumbled"], goal="0", held=years["stumbled"] == 0)
