"""Isolates the calling process permanently before it becomes a command (Linux).

It is not part of the server: the launcher loads it by path, so it imports only what starts fast and
nothing of Inhouse.  Each function raises `OSError`, and then nothing may be run.

What a command *without a network* cannot do afterwards:

- open a socket of any family but IP and netlink, whatever a path or an abstract name leads to:
  Unix sockets (tmux, docker, ssh-agent, D-Bus) and vsock are no matter of namespaces;
- reach an address: its network namespace has loopback alone;
- mount or unmount anything, or win back a capability (``no_new_privs``, an empty bounding set);
- have the kernel ask a name server for it (``request_key``), or go past the filter (``io_uring``,
  another instruction set's numbers);
- look into or write to a process outside (another user namespace; without one, Landlock).

A pair of connected sockets (``socketpair``) stays possible.
"""

import _socket
import contextlib
import ctypes
import fcntl
import os
import struct
from collections.abc import Mapping, Sequence
from typing import Any

_CLONE_NEWUSER, _CLONE_NEWNS, _CLONE_NEWNET, _CLONE_NEWIPC = (
    0x10000000,
    0x00020000,
    0x40000000,
    0x08000000,
)
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_MS_BIND, _MS_REC, _MS_PRIVATE, _MS_MOVE = 0x1000, 0x4000, 0x40000, 0x2000
_MNT_DETACH = 2
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _PR_CAPBSET_DROP = 38, 22, 24
_PR_CAP_AMBIENT, _CLEAR_ALL = 47, 4
_SECCOMP_FILTER = 2
_CAPABILITIES_V3 = 0x20080522
_LAST_CAPABILITY = 63
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_LANDLOCK_MAKE_BLOCK = 1 << 11
_UNSUPPORTED = 97
"""EAFNOSUPPORT: programs treat it as a kernel without that kind of socket, and continue."""
_NOT_THERE, _FORBIDDEN = 38, 1
_UNIX, _IP, _IP6, _NETLINK = 1, 2, 10, 16

_libc = ctypes.CDLL(None, use_errno=True)


def shut_off(spec: Mapping[str, Any], cwd: str) -> None:
    """Do what *spec* says (`inhouse.tools.shell.environment`) and go on in *cwd*.

    ``way``: ``namespaces``; ``bwrap``, which makes them itself and takes the filter from the
    open file ``fd``; ``filter``, where no namespace is to be had: no sockets at all;
    ``offline``: without a network; ``hide``: folders to cover with an empty one;
    ``overlays``: see `_lay_over`.
    """
    offline = bool(spec.get("offline"))
    if spec.get("way") == "bwrap":
        _hand_over_filter(int(spec["fd"]))
        return
    if spec.get("way") == "filter":
        _confine()
        _drop_capabilities()
        _lock(_filter(()))
        _make_sure()
        return
    _unshare(offline=offline)
    if offline:
        _loopback_up()
        for folder in spec.get("hide", ()):
            _cover(folder)
        _own_terminals()
    for overlay in spec.get("overlays", ()):
        _lay_over(overlay)
    os.chdir(cwd)  # Until now it meant what is below the mounts.
    if offline:
        _drop_capabilities()
        _lock(_filter((_IP, _IP6, _NETLINK)))
        _make_sure()
    elif os.geteuid() != 0:
        _drop_capabilities()


def _hand_over_filter(number: int) -> None:
    file = os.memfd_create("filter", 0)
    os.write(file, _filter((_IP, _IP6, _NETLINK)))
    os.lseek(file, 0, os.SEEK_SET)
    os.dup2(file, number)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _prctl(option: int, *values: int) -> int:
    arguments = [ctypes.c_ulong(each) for each in (*values, 0, 0, 0, 0)[:4]]
    return _libc.prctl(ctypes.c_int(option), *arguments)


def _unshare(*, offline: bool) -> None:
    """Unshare namespaces; root needs no user namespace for overlays and keeps its rights."""
    user, group = os.geteuid(), os.getegid()
    of_user = offline or user != 0
    flags = _CLONE_NEWNS | (_CLONE_NEWUSER if of_user else 0)
    flags |= (_CLONE_NEWNET | _CLONE_NEWIPC) if offline else 0
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")
    if of_user:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )
    _checked(result, f"mount {target}")


def _loopback_up() -> None:
    get, put, up = 0x8913, 0x8914, 1
    door = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    try:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(door.fileno(), get, request))[1]
        fcntl.ioctl(door.fileno(), put, struct.pack("16sH14x", b"lo", flags | up))
    finally:
        door.close()


def _cover(folder: str) -> None:
    if os.path.isdir(folder):  # noqa: PTH112  pathlib takes longer to load
        _mount("tmpfs", folder, "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, "mode=0755")


def _own_terminals() -> None:
    """Remove access to the user's terminals; programs can still make their own."""
    try:
        _mount("devpts", "/dev/pts", "devpts", _MS_NOSUID | _MS_NOEXEC, "newinstance,ptmxmode=0666")
        if not os.path.islink("/dev/ptmx"):  # noqa: PTH114  as above
            _mount("/dev/pts/ptmx", "/dev/ptmx", "", _MS_BIND)
    except OSError:
        _cover("/dev/pts")


def _lay_over(overlay: Mapping[str, Any]) -> None:
    """Put ``scratch``/upper over ``root``; what is in ``through`` stays the real thing.

    The options name folders from the scratch folder: a path may have commas in it.
    """
    root, scratch = overlay["root"], overlay["scratch"]
    os.chdir(scratch)
    _mount(root, "lower", "", _MS_BIND | _MS_REC)
    _mount(
        "overlay",
        "merged",
        "overlay",
        _MS_NODEV,
        "lowerdir=lower,upperdir=upper,workdir=work,userxattr",
    )
    for relative in overlay.get("deleted", ()):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"merged/{relative}")  # noqa: PTH108  pathlib takes longer to load
    for relative in overlay.get("through", ()):
        _mount(f"lower/{relative}", f"merged/{relative}", "", _MS_BIND | _MS_REC)
    _mount("merged", root, "", _MS_BIND | _MS_REC)
    os.chdir("/")
    # The real files are reachable by no other name.
    for name in ("merged", "lower"):
        _checked(_libc.umount2(os.fsencode(f"{scratch}/{name}"), _MNT_DETACH), "umount")
    _cover(scratch)


def _drop_capabilities() -> None:
    for number in range(_LAST_CAPABILITY + 1):
        if _prctl(_PR_CAPBSET_DROP, number) < 0:
            break  # This kernel knows no more of them, or there are none to drop.
    _prctl(_PR_CAP_AMBIENT, _CLEAR_ALL)
    header = struct.pack("=Ii", _CAPABILITIES_V3, 0)
    _checked(_libc.capset(header, bytes(24)), "capset")
    _checked(_prctl(_PR_SET_NO_NEW_PRIVS, 1), "no_new_privs")


def _confine() -> None:
    """Enter a Landlock domain: processes outside it cannot be inspected or written to."""
    rules = _checked(
        _libc.syscall(
            ctypes.c_long(_LANDLOCK_CREATE),
            struct.pack("=Q", _LANDLOCK_MAKE_BLOCK),
            ctypes.c_size_t(8),
            ctypes.c_uint(0),
        ),
        "landlock",
    )
    _checked(_prctl(_PR_SET_NO_NEW_PRIVS, 1), "no_new_privs")
    _checked(
        _libc.syscall(ctypes.c_long(_LANDLOCK_RESTRICT), ctypes.c_int(rules), ctypes.c_uint(0)),
        "landlock",
    )
    os.close(rules)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _lock(program: bytes) -> None:
    kept = ctypes.create_string_buffer(program, len(program))
    given = _Program(len(program) // 8, ctypes.cast(kept, ctypes.c_void_p))
    _checked(_prctl(_PR_SET_NO_NEW_PRIVS, 1), "no_new_privs")
    result = _libc.prctl(
        ctypes.c_int(_PR_SET_SECCOMP), ctypes.c_ulong(_SECCOMP_FILTER), ctypes.byref(given)
    )
    _checked(result, "seccomp")


def _make_sure() -> None:
    try:
        _socket.socket(_UNIX, _socket.SOCK_STREAM).close()
    except OSError:
        return
    raise OSError(_FORBIDDEN, "the filter does not hold")


# The filter: Linux's uapi/linux/seccomp.h, audit.h and the tables of system calls.

_Calls = Mapping[str, int]
_LIKE_ARM64: _Calls = {"socket": 198, "add_key": 217, "request_key": 218, "keyctl": 219}
_CALLS: Mapping[int, _Calls] = {
    0xC000003E: {"socket": 41, "add_key": 248, "request_key": 249, "keyctl": 250},  # x86-64
    0x40000003: {  # i386
        "socket": 359,
        "socketcall": 102,
        "add_key": 286,
        "request_key": 287,
        "keyctl": 288,
    },
    0xC00000B7: _LIKE_ARM64,
    0x40000028: {"socket": 281, "add_key": 309, "request_key": 310, "keyctl": 311},  # 32-bit ARM
    0xC00000F3: _LIKE_ARM64,  # RISC-V
}
"""By the kernel's name of the instruction set; calls of any other are refused."""
_NATIVE = {
    "x86_64": 0xC000003E,
    "aarch64": 0xC00000B7,
    "riscv64": 0xC00000F3,
}
_IO_URING_SETUP = 425  # The same everywhere.
_X32 = 0x40000000
_LOAD, _EQUAL, _AT_LEAST, _GIVE = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16


def _filter(families: Sequence[int]) -> bytes:
    if os.uname().machine not in _NATIVE:
        raise OSError(_NOT_THERE, f"no filter for the instruction set {os.uname().machine}")
    found: list[bytes] = [_step(_LOAD, _ARCHITECTURE)]
    for architecture, calls in _CALLS.items():
        block = _block(calls, families, has_x32=architecture == 0xC000003E)  # noqa: PLR2004
        # A jump spans at most 255 steps; no block is that long.
        found += [_step(_EQUAL, architecture, otherwise=len(block)), *block]
    return b"".join([*found, _give(_NOT_THERE)])


def _block(calls: _Calls, families: Sequence[int], *, has_x32: bool) -> list[bytes]:
    refused = [_IO_URING_SETUP, *(number for name, number in calls.items() if name != "socket")]
    found = [_step(_LOAD, _NUMBER)]
    if has_x32:
        found += [_step(_AT_LEAST, _X32, otherwise=1), _give(_NOT_THERE)]
    for number in refused:
        found += [_step(_EQUAL, number, otherwise=1), _give(_NOT_THERE)]
    found += [_step(_EQUAL, calls["socket"], then=1), _step(_GIVE, _ALLOW)]
    found += [_step(_LOAD, _FIRST_ARGUMENT)]
    for family in families:
        found += [_step(_EQUAL, family, otherwise=1), _step(_GIVE, _ALLOW)]
    return [*found, _give(_UNSUPPORTED)]


def _give(error: int) -> bytes:
    return _step(_GIVE, _ERROR | error)


def _step(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)
