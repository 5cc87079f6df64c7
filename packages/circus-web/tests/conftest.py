"""A console without a network: see `web_world`."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import zmq.asyncio

from web_world import OPERATOR, VIEWER, World, make_world


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
