"""The private names of quickjs-rs and wasmtime that inhouse.definitions.sandbox.engine uses.

An upgrade that changes one of them fails here first; see docs/reference/sandbox.md.
"""

import inspect
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import quickjs_rs._engine as engine
import quickjs_rs._transform as transform
import quickjs_rs._wasmtime as shared
import wasmtime

PINNED = ("quickjs-rs", "wasmtime")


@pytest.mark.parametrize("package", PINNED)
def test_the_versions_are_pinned_to_what_was_tried(package):
    project = tomllib.loads(
        (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    )["project"]

    assert f"{package}=={version(package)}" in project["dependencies"]


def test_one_engine_is_shared_and_can_be_set():
    assert hasattr(shared, "_SHARED_ENGINE")
    assert "_SHARED_ENGINE" in inspect.getsource(shared.shared_wasmtime_engine)


def test_stores_are_made_by_the_name_that_we_replace():
    for owner in (engine._Instance, transform._TransformInstance):
        assert "wasmtime.Store(shared_wasmtime_engine())" in inspect.getsource(owner)
    assert hasattr(wasmtime.Store, "set_limits")
    assert hasattr(wasmtime.Store, "set_epoch_deadline")
    assert hasattr(wasmtime.Engine, "increment_epoch")


def test_an_instance_has_the_parts_that_we_set():
    names = set(inspect.getsource(engine._Instance.__init__).split())
    for name in (
        "self.interrupt_handler:",
        "self.module_normalize:",
        "self.module_load:",
        "self.module_transform_flags:",
        "self.name_to_fn_id:",
        "self.mem",
        "self.sp",
        "self.store",
    ):
        assert name in names
    for name in ("_get_string", "_read_error_field", "_coerce_to_string"):
        assert callable(getattr(engine._Instance, name))


def test_contexts_and_handles_have_the_methods_that_we_call():
    for name in (
        "eval_handle",
        "register_host_function",
        "set_host_call_dispatcher",
        "run_pending_jobs",
        "promise_state",
        "promise_result",
        "close",
    ):
        assert callable(getattr(engine.QjsContext, name))
    for name in ("_adopt", "_require_live", "call", "get", "dispose"):
        assert callable(getattr(engine.QjsHandle, name))


def test_errors_carry_name_message_and_stack():
    context = engine.QjsContext(engine.QjsRuntime())

    with pytest.raises(engine.JSError) as caught:
        context.eval_handle("(() => { throw new TypeError('t') })()")

    assert caught.value.args[:2] == ("TypeError", "t")
    assert "eval_script:1" in caught.value.args[2]
    context.close()


def test_a_store_may_not_grow_beyond_its_limit():
    runtime = engine.QjsRuntime()
    context = engine.QjsContext(runtime)
    context._inst.store.set_limits(memory_size=8 << 20)

    with pytest.raises(engine.JSError, match="out of memory"):
        context.eval_handle("const a = []; for (;;) a.push(new Uint8Array(1 << 16))")

    context.close()


def test_an_image_of_the_memory_makes_the_same_interpreter_again():
    first, second = (engine.QjsContext(engine.QjsRuntime()) for _ in range(2))
    handle = first.eval_handle("((x) => () => x)('kept')")._require_live()
    image = bytes(first._inst.mem.read(first._inst.store))

    missing = len(image) - second._inst.mem.data_len(second._inst.store)
    second._inst.mem.grow(second._inst.store, missing // 65536)
    second._inst.mem.write(second._inst.store, image, 0)
    second._inst.sp.set_value(second._inst.store, first._inst.sp.value(first._inst.store))
    again = engine.QjsHandle._adopt(second._inst, handle, context=second)

    assert again.call().to_python() == "kept"
    first.close()
    second.close()


def test_types_are_stripped_by_flags():
    flags = transform.FLAG_SOURCE_TS | transform.FLAG_STRIP_TYPESCRIPT
    transformer = transform.SourceTransformer()

    assert transformer.transform("m", "let a: number = 1", flags=flags).strip() == "let a = 1;"
    assert hasattr(transformer._instance, "store")
    with pytest.raises(transform.TransformError, match="source parse error in m: "):
        transformer.transform("m", "let a: = 1", flags=flags)
    transformer.close()


def test_our_short_way_of_calling_is_the_one_that_it_replaces():
    # inhouse.definitions.sandbox.fast_calls replaces these; all must go on meaning the same.
    strips = inspect.getsource(transform._TransformInstance.c)
    calls = inspect.getsource(engine._Instance.c)
    exports = inspect.getsource(wasmtime.Instance.exports)

    assert "self._exports[name]" in calls
    assert "self._exports[name]" in strips
    assert "fn(self.store, *args)" in strips
    assert "_CUR.inst = self" in calls
    assert "InstanceExports(store, self)" in exports
    instance = engine._Instance()
    kinds = {
        str(kind)
        for function in instance._exports._extern_map.values()
        if isinstance(function, wasmtime.Func)
        for kind in (*function.type(instance.store).params, *function.type(instance.store).results)
    }
    assert kinds == {"i32", "i64"}
    instance.close()
