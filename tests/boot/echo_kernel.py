"""Which kernel says its command line on the serial console and restarts the machine, in a blink?

For BIOS: GRUB jumps into it in 32-bit mode, with `esi` at the boot parameters (Linux's boot protocol 2.06,
Documentation/arch/x86/boot.rst).
"""

from __future__ import annotations

import struct

LOADED_AT = 0x100000
SAID = "kernel command line: "

_SECTOR_BYTES = 512
_CODE = """
    bf 41001000         mov edi, text
    e8 1d000000         call say
    8bbe 28020000       mov edi, [esi + cmd_line_ptr]
    e8 12000000         call say
    bf 57001000         mov edi, end
    e8 08000000         call say
    66ba f90c           mov dx, 0xcf9
    b0 06               mov al, 6
    ee                  out dx, al        ; reset
    f4                  hlt
    8a1f                say: mov bl, [edi]
    84db                test bl, bl
    74 13               jz done
    66ba fd03           mov dx, 0x3fd
    ec                  wait: in al, dx
    a8 20               test al, 0x20     ; the line takes another character
    74 fb               jz wait
    66ba f803           mov dx, 0x3f8
    88d8                mov al, bl
    ee                  out dx, al
    47                  inc edi
    eb e7               jmp say
    c3                  done: ret
"""


def echo_kernel() -> bytes:
    """Return it as a bzImage."""
    code = b"".join(bytes.fromhex(line[4:24].replace(" ", "")) for line in _CODE.strip("\n").splitlines())
    text = SAID.encode() + b"\0"
    assert len(code) == 0x41
    assert len(code) + len(text) == 0x57
    return _setup() + code + text + b"\r\n\0"


def _setup() -> bytes:
    """Return boot sector and setup, of which only the header counts: it starts at 0x1f1."""
    header = struct.pack("<BHIHHHH", 1, 0, 0, 0, 0, 0, 0xAA55)  # setup_sects … boot_flag
    header += b"\xeb\x30" + b"HdrS" + struct.pack("<HIHHBB", 0x0206, 0, 0, 0, 0, 1)  # version … loadflags
    header += struct.pack("<HIIIIHHI", 0, LOADED_AT, 0, 0, 0, 0, 0, 0)  # setup_move_size … cmd_line_ptr
    header += struct.pack("<IIII", 0x7FFFFFFF, 0, 0, 2047)  # initrd_addr_max … cmdline_size
    return (b"\0" * 0x1F1 + header).ljust(2 * _SECTOR_BYTES, b"\0")
