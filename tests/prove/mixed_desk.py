"""The desk and the job of ``mixed``: more places, fewer places, and offers that run out, for so many seconds."""

import json
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.db import DatabaseError, connection
from django.utils import timezone

from offers.domain import planning, waiting_list
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal

PAUSE = 0.15
AHEAD = timedelta(days=4)


def kind_of(error: DatabaseError) -> str:
    """Return *later* for who waited too long for a row, as the portal says it too; everything else is an error."""
    if getattr(error.__cause__, "sqlstate", "") == "55P03":
        return "later"
    print(error, file=sys.stderr)
    return "errors"


def plan(sessions: list[str], seconds: float, seed: int) -> Counter[str]:
    """Give sessions more places and fewer."""
    dice, done, until = random.Random(seed), Counter[str](), time.monotonic() + seconds
    while time.monotonic() < until:
        places = dice.randint(30, 120)
        try:
            planning.change_places(
                session_id=UUID(dice.choice(sessions)), places=places, by=Actor.job("desk"), now=timezone.now()
            )
            done["changed"] += 1
        except Refusal:
            done["refused"] += 1
        except DatabaseError as error:
            done[kind_of(error)] += 1
        time.sleep(PAUSE)
    connection.close()
    return done


def run_out(seconds: float) -> Counter[str]:
    """Let what was offered run out, by a clock that is ahead."""
    done, until = Counter[str](), time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            done["expired"] += waiting_list.expire_offered(timezone.now() + AHEAD)
        except DatabaseError as error:
            done[kind_of(error)] += 1
        time.sleep(PAUSE * 40)
    connection.close()
    return done


if __name__ == "__main__":
    lasting, ids = float(sys.argv[1]), json.loads(sys.stdin.read())
    with ThreadPoolExecutor(max_workers=4) as room:
        jobs = [room.submit(plan, ids, lasting, seed) for seed in range(3)] + [room.submit(run_out, lasting)]
        print(json.dumps(sum((job.result() for job in jobs), Counter())))
