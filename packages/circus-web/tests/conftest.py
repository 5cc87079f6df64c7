"""A console without a network: see `web_world`; and a browser for one with everything: see `web_console`."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import zmq.asyncio

from web_console import chromium
from web_world import OPERATOR, VIEWER, World, make_world

HERE = Path(__file__).parent


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    context = zmq.asyncio.Context()
    yield make_world(tmp_path, context)
    context.destroy(linger=0)


@pytest.fixture
async def old_world(tmp_path: Path) -> AsyncIterator[World]:
    """A daemon that does not know what came with version 1."""
    context = zmq.asyncio.Context()
    yield make_world(tmp_path, context, offers=False)
    context.destroy(linger=0)


@pytest.fixture
async def operator(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client(authorization=f"Bearer {OPERATOR}") as client:
        yield client


@pytest.fixture
async def viewer(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client(authorization=f"Bearer {VIEWER}") as client:
        yield client


@pytest.fixture(scope="module")
def axe() -> str:
    """The accessibility checker's script."""
    folder = HERE / ".axe"
    hook = HERE.parent / "hatch_build.py"
    done = subprocess.run(
        [sys.executable, str(hook), "--axe", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"axe-core is missing: python {hook.name} --axe {folder}: {done.stderr.strip()[-200:]}")
    return (folder / "axe.js").read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running
