"""A converge in a process of its own, to be killed: says on stdout what it has finished, and never ends by itself."""

import asyncio
import sys
from pathlib import Path

from folkmoot import events
from folkmoot.execute import checked, execute
from folkmoot.record.store import RunFolder
from folkmoot.testing import ScriptedProvider
from tests.play import judges


def say(event: events.Event) -> None:
    if isinstance(event, events.CallFinished | events.RunFinished):
        print(getattr(event, "step", "the run"), flush=True)


async def main(folder: RunFolder) -> None:
    await execute(checked(folder.spec()), {"scripted": ScriptedProvider(judges(9))}, folder=folder, listeners=[say])
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(RunFolder(Path(sys.argv[1]))))
