"""What every prompt store does."""

from asyncio import gather
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from service.adapters.storage import Storage
from service.adapters.storage.engine import create_engine
from service.prompts.definitions import Definition, PromptVersion
from service.prompts.ports import PromptStore, PromptStoreUnavailable
from service.prompts.templates import Variable
from tests.contracts.databases import Database, PostgresDatabase

NOW = datetime(2026, 11, 23, 9, 30, 0, 123456, tzinfo=UTC)
PLAIN = Definition(template="Hi {name}", system=None, variables={"name": Variable()}, defaults={})
FULL = Definition(
    template="Zoë: {{ {text}\n{count} {ratio} {polite} 🔑",
    system="You are {tone}; 'quoted' \\ and \"so on\".",
    variables={
        "text": Variable(description="Was drin steht"),
        "count": Variable(type="integer", default=10**30),
        "ratio": Variable(type="number", default=1.0),
        "polite": Variable(type="boolean", default=False),
        "tone": Variable(default=""),
    },
    defaults={"model": "sonnet", "temperature": 0.25, "stop": ["\n"], "max_tokens": 1},
)


@pytest.fixture
def prompts(storage: Storage) -> PromptStore:
    """The store under test."""
    return storage.prompts


async def add(prompts: PromptStore, template: str = "Hi {name}", **changes: Any) -> PromptVersion:
    """Put a template, of the prompt `greeting` of `acme` unless something else is said."""
    values: dict[str, Any] = {"tenant": "acme", "name": "greeting", "key_id": "key_1", "now": NOW}
    return await prompts.add(replace(PLAIN, template=template), **(values | changes))


async def find(prompts: PromptStore, **changes: Any) -> PromptVersion | None:
    """What is found of it."""
    return await prompts.find(**({"tenant": "acme", "name": "greeting"} | changes))


async def put_label(prompts: PromptStore, label: str, version: int, **changes: Any) -> bool:
    """Put a label on a version of it."""
    values: dict[str, Any] = {
        "tenant": "acme",
        "name": "greeting",
        "label": label,
        "version": version,
    }
    return await prompts.put_label(**(values | changes))


async def labels(prompts: PromptStore, name: str = "greeting") -> dict[str, int]:
    """Its labels."""
    return (await prompts.labels(tenant="acme", names=[name]))[name]


async def test_a_version_keeps_every_field(prompts: PromptStore) -> None:
    made = await prompts.add(FULL, tenant="acme", name="greeting", key_id="key_1", now=NOW)
    assert made == PromptVersion(
        name="greeting", version=1, definition=FULL, key_id="key_1", created_at=NOW
    )
    found = await find(prompts)
    assert found == made
    assert isinstance(found.definition.variables["ratio"].default, float)
    assert found.definition.variables["polite"].default is False


async def test_versions_count_up_and_stay_as_they_are(prompts: PromptStore) -> None:
    made = [await add(prompts, f"{n} {{name}}") for n in (1, 2, 3)]
    assert [each.version for each in made] == [1, 2, 3]
    for each in made:
        assert await find(prompts, version=each.version) == each
    assert await find(prompts) == made[-1]
    assert await find(prompts, version=4) is None


async def test_what_the_latest_says_already_makes_no_version(prompts: PromptStore) -> None:
    first = await add(prompts)
    later = NOW + timedelta(days=1)
    assert await add(prompts, key_id="key_2", now=later) == first
    assert (await add(prompts, "Bye {name}")).version == 2, "no number was used up"
    again = await add(prompts, key_id="key_2", now=later)
    assert (again.version, again.key_id, again.created_at) == (3, "key_2", later)


@pytest.mark.parametrize(
    "change",
    [
        {"template": "Hi, {name}"},
        {"system": "S"},
        {"variables": {"name": Variable(default="x")}},
        {"defaults": {"model": "opus"}},
    ],
)
async def test_any_change_makes_a_version(prompts: PromptStore, change: dict[str, Any]) -> None:
    await add(prompts)
    changed = replace(PLAIN, **change)
    made = await prompts.add(changed, tenant="acme", name="greeting", key_id="key_1", now=NOW)
    assert made.version == 2
    assert await find(prompts) == made


async def test_versions_put_at_once_get_numbers_of_their_own(
    storage: Storage, other_storage: Storage
) -> None:
    stores = (storage.prompts, other_storage.prompts) * 8
    made = await gather(*(add(store, f"{n} {{name}}") for n, store in enumerate(stores)))
    assert sorted(each.version for each in made) == list(range(1, 17))
    for each in made:
        assert await find(storage.prompts, version=each.version) == each


async def test_the_same_put_at_once_is_one_version(
    storage: Storage, other_storage: Storage
) -> None:
    made = await gather(*(add(store) for store in (storage.prompts, other_storage.prompts) * 4))
    assert {each.version for each in made} == {1}


async def test_a_label_leads_to_its_version_and_moves(prompts: PromptStore) -> None:
    made = [await add(prompts, f"{n} {{name}}") for n in (1, 2)]
    assert await put_label(prompts, "production", 1)
    assert await put_label(prompts, "staging", 2)
    assert await find(prompts, label="production") == made[0]
    assert await find(prompts, label="staging") == made[1]
    assert await put_label(prompts, "production", 2)
    assert await find(prompts, label="production") == made[1]
    assert await labels(prompts) == {"production": 2, "staging": 2}
    assert await find(prompts, label="nightly") is None


async def test_a_label_is_put_on_what_is_there_only(prompts: PromptStore) -> None:
    await add(prompts)
    await put_label(prompts, "production", 1)
    assert not await put_label(prompts, "production", 2)
    assert not await put_label(prompts, "production", 1, name="other")
    assert not await put_label(prompts, "production", 1, tenant="globex")
    assert await labels(prompts) == {"production": 1}


async def test_a_label_that_is_deleted_leads_nowhere(prompts: PromptStore) -> None:
    await add(prompts)
    await put_label(prompts, "production", 1)
    await put_label(prompts, "staging", 1)
    where = {"tenant": "acme", "name": "greeting", "label": "production"}
    assert await prompts.delete_label(**where)
    assert not await prompts.delete_label(**where)
    assert await labels(prompts) == {"staging": 1}
    assert await find(prompts, label="production") is None


async def test_a_prompt_that_is_deleted_is_gone_with_its_labels_and_counts_on(
    prompts: PromptStore, database: Database
) -> None:
    await add(prompts, "1 {name}")
    await add(prompts, "2 {name}")
    await put_label(prompts, "production", 2)
    assert await prompts.delete(tenant="acme", name="greeting")
    assert not await prompts.delete(tenant="acme", name="greeting")
    assert await find(prompts) is None
    assert await prompts.list_latest(tenant="acme", limit=10) == []
    assert await prompts.list_versions(tenant="acme", name="greeting", limit=10) == []
    assert await labels(prompts) == {}
    assert await kept_texts(database) == 0
    assert (await add(prompts, "2 {name}")).version == 3
    assert await find(prompts, label="production") is None


async def kept_texts(database: Database) -> int:
    """How many templates the database has, of whomever."""
    engine = create_engine(database.url, timeout_seconds=5)
    async with engine.connect() as connection:
        count = await connection.scalar(text("SELECT count(*) FROM prompt_versions"))
    await engine.dispose()
    return int(count or 0)


async def test_prompts_are_listed_by_name_in_their_latest_versions(prompts: PromptStore) -> None:
    for name in ("b", "a", "c"):
        for n in (1, 2):
            await add(prompts, f"{name}{n} {{name}}", name=name)
    await prompts.delete(tenant="acme", name="c")
    await add(prompts, name="d", tenant="globex")
    listed = await prompts.list_latest(tenant="acme", limit=10)
    assert [(each.name, each.version) for each in listed] == [("a", 2), ("b", 2)]
    assert listed[0].definition.template == "a2 {name}"
    assert await prompts.list_latest(tenant="acme", limit=1) == listed[:1]
    assert await prompts.list_latest(tenant="acme", limit=10, after="a") == listed[1:]


async def test_a_prompt_that_is_put_again_unchanged_stays_in_the_list(prompts: PromptStore) -> None:
    made = await add(prompts)
    await add(prompts)
    assert await prompts.list_latest(tenant="acme", limit=10) == [made]


async def test_versions_are_listed_the_latest_first(prompts: PromptStore) -> None:
    made = [await add(prompts, f"{n} {{name}}") for n in (1, 2, 3)]
    await add(prompts, name="other")

    async def versions(**page: int) -> list[PromptVersion]:
        return await prompts.list_versions(tenant="acme", name="greeting", **page)

    assert await versions(limit=10) == made[::-1]
    assert await versions(limit=2) == made[:0:-1]
    assert await versions(limit=2, before=2) == made[:1]


async def test_labels_of_many_prompts_are_told_at_once(prompts: PromptStore) -> None:
    for name in ("a", "b", "c"):
        await add(prompts, name=name)
    await put_label(prompts, "production", 1, name="a")
    await put_label(prompts, "production", 1, name="c")
    found = await prompts.labels(tenant="acme", names=["a", "b"])
    assert found == {"a": {"production": 1}, "b": {}}
    assert await prompts.labels(tenant="acme", names=[]) == {}


async def test_another_tenants_prompt_of_the_same_name_is_another_one(prompts: PromptStore) -> None:
    ours, theirs = await add(prompts), await add(prompts, "Other {name}", tenant="globex")
    assert (ours.version, theirs.version) == (1, 1)
    await put_label(prompts, "production", 1)
    assert await find(prompts, tenant="globex") == theirs
    assert await find(prompts, tenant="globex", label="production") is None
    assert (await prompts.labels(tenant="globex", names=["greeting"]))["greeting"] == {}
    where: dict[str, Any] = {"tenant": "globex", "name": "greeting"}
    assert not await prompts.delete_label(**where, label="production")
    assert await prompts.list_versions(**where, limit=10) == [theirs]
    assert await prompts.delete(**where)
    assert await find(prompts, label="production") == ours


async def test_a_database_that_is_away_is_told_apart(
    prompts: PromptStore, database: Database
) -> None:
    await add(prompts)
    async with database.away():
        with pytest.raises(PromptStoreUnavailable):
            await add(prompts, "2 {name}")
        if isinstance(database, PostgresDatabase):  # what locks SQLite's file lets readers in
            with pytest.raises(PromptStoreUnavailable):
                await find(prompts)
    assert (await add(prompts, "2 {name}")).version == 2
