# SPDX-License-Identifier: GPL-2.0-only
"""Pull and plug devices of a virtual machine as its guest asks for it.

usage: plug.py SOCKET FOLDER

SOCKET is QEMU's monitor (QMP). A file FOLDER/del.N or FOLDER/add.N asks for the
removal or the insertion of the CXL device N of tools/vm, and vanishes when QEMU has
taken the request; FOLDER/have.N is an insertion that is content with a device that is
there. Ends with the machine.
"""
import json
import os
import socket
import sys
import time


def connect(path):
    while True:
        qemu = socket.socket(socket.AF_UNIX)
        try:
            qemu.connect(path)
        except OSError:
            qemu.close()
            time.sleep(0.2)
            continue
        return qemu.makefile("rw")


def command(qemu, execute, arguments=None):
    """Return the error that QEMU answers, or None."""
    json.dump({"execute": execute, "arguments": arguments or {}}, qemu)
    qemu.flush()
    for line in qemu:
        answer = json.loads(line)
        if "return" in answer or "error" in answer:
            return answer.get("error")
    sys.exit(0)


def main():
    path, folder = sys.argv[1:]
    qemu = connect(path)
    qemu.readline()
    command(qemu, "qmp_capabilities")
    told = {}
    memories = set()
    serial = 0
    while True:
        # Notices the end of the machine, too
        command(qemu, "query-status")
        for request in sorted(os.listdir(folder)):
            verb, _, number = request.partition(".")
            device = {"id": "cxl" + number}
            if verb != "del":
                # QEMU takes the memory of a device that went for used
                memory = f"memory{number}-{serial}"
                if memory not in memories:
                    memories.add(memory)
                    command(qemu, "object-add", {"qom-type": "memory-backend-ram",
                                                 "id": memory, "size": 256 << 20})
                device |= {"driver": "cxl-type3", "bus": "port" + number,
                           "volatile-memdev": memory}
            # While the guest is at it, the answer is an error; then ask again.
            error = command(qemu, "device_del" if verb == "del" else "device_add", device)
            if (not error or verb == "have" and error["desc"].startswith("Duplicate")
                    or verb == "del" and error["class"] == "DeviceNotFound"):
                serial += 1
                os.unlink(os.path.join(folder, request))
            elif told.get(request) != error["desc"]:
                told[request] = error["desc"]
                print(f"plug.py: {request}: {error['desc']}", file=sys.stderr)
        time.sleep(0.2)


try:
    main()
except (OSError, KeyboardInterrupt):
    pass
