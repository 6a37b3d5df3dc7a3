"""Names that JavaScript knows without a declaration."""

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


def is_global(name: str) -> bool:
    return name in _NAMES
