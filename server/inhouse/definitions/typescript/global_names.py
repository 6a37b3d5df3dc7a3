"""Names that JavaScript has without a declaration."""

_GLOBALS = """
AbortController Array ArrayBuffer Atomics BigInt Boolean Buffer Bun DataView Date Deno Error
EvalError Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Intl
Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp
Request Response Set String Symbol SyntaxError TextDecoder TextEncoder TypeError URIError URL
URLSearchParams Uint16Array Uint32Array Uint8Array WeakMap WeakRef WeakSet __dirname __filename
arguments atob btoa clearInterval clearTimeout console crypto decodeURI decodeURIComponent
encodeURI encodeURIComponent escape eval exports fetch global globalThis import isFinite isNaN
module navigator parseFloat parseInt performance process queueMicrotask require self
setImmediate setInterval setTimeout structuredClone this undefined unescape window document
"""
_NAMES = frozenset(_GLOBALS.split())

_STEP_GLOBALS = """
AggregateError Array ArrayBuffer AsyncDisposableStack BigInt BigInt64Array BigUint64Array Boolean
Buffer DOMException DataView Date DisposableStack Error EvalError FinalizationRegistry Float16Array
Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array InternalError Intl
Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set
SharedArrayBuffer String SuppressedError Symbol SyntaxError TextDecoder TextEncoder TypeError
URIError URL URLSearchParams Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef
WeakSet atob btoa clearImmediate clearInterval clearTimeout console crypto decodeURI
decodeURIComponent encodeURI encodeURIComponent escape eval global globalThis isFinite isNaN
parseFloat parseInt performance process queueMicrotask setImmediate setInterval setTimeout
structuredClone undefined unescape
"""
STEP_NAMES = frozenset(_STEP_GLOBALS.split())
"""The globals where ``handleSteps`` runs (a test compares them with the interpreter)."""


def is_global(name: str) -> bool:
    return name in _NAMES
