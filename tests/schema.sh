#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The JSON schema of policies: all shipped ones are valid by it, and files that the
# compiler of policies refuses for what they look like aren't.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

skip_all() {
	printf '1..0 # SKIP %s\n' "$1"
	exit
}
[ -e build/cxl-policy.schema.json ] || skip_all "build/cxl-policy.schema.json is missing; run make"
python3 -c 'import jsonschema, yaml' 2>/dev/null ||
	skip_all "python3-jsonschema or python3-yaml is not installed"

export CXL_POLICY_PATH=loader/policies
exec python3 -W ignore - <<'END'
import glob, json, re, subprocess, tempfile
import jsonschema, yaml

schema = json.load(open("build/cxl-policy.schema.json"))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
count = 0

# Numbers as policies have them: to YAML 1.1, 7:4 is one, of base 60
class Loader(yaml.SafeLoader):
    pass

Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":int", ":float"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile("^(0|[1-9][0-9]*|0x[0-9a-fA-F]+)$"), list("0123456789"))

def ok(good, name):
    global count
    count += 1
    print(("ok - " if good else "not ok - ") + name)

def errors(text):
    return [error.message for error in validator.iter_errors(yaml.load(text, Loader))]

def compiles(text):
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/t.yaml", "w") as file:
            file.write(text)
        return subprocess.run(["build/bin/policyc", "-o", folder + "/out", folder + "/t.yaml"],
                              capture_output=True).returncode == 0

def valid(name, text):
    found = errors(text)
    ok(not found, name)
    for error in found:
        print("# " + error)

def broken(name, text):
    ok(errors(text) and not compiles(text), "refused: " + name)
    if not errors(text):
        print("# by the schema it is valid")
    if compiles(text):
        print("# the compiler takes it")

def policy(field, id=0, more=""):
    return (f"name: t\n{more}dvsecs:\n  - vendor: 0x1e98\n    id: {id}\n    fields:\n"
            f"      - {field}\n")

for path in sorted(glob.glob("loader/policies/*.yaml")):
    valid(path, open(path).read())

manual = open("loader/man/cxl-policy-format.5.rst").read()
for text in re.findall(r"(?m)(^    name: .*\n(?:(?:    .*)?\n)*)", manual):
    valid("example " + text.split()[1] + " of the manual", text)

# What is valid here and below differs in one thing
DESCRIBED = "{field: a.b, offset: 0x0c, bits: 7:4, attribute: RO}"
for name, text in {
    "a policy with a name alone": "name: t\n",
    "a field that is known": policy("{field: control.mem_enable, value: 1}"),
    "a field that is described": policy(DESCRIBED, 7),
    "one bit": policy(DESCRIBED.replace("7:4", "7"), 7),
    "bits up to 31": policy(DESCRIBED.replace("7:4", "31:0"), 7),
    "a write to nowhere": policy("{field: control.mem_enable, write: []}"),
}.items():
    valid(name, text)
    if not compiles(text):
        ok(False, name + ": the compiler refuses it")

for name, text in {
    "no name": "description: t\n",
    "an empty name": 'name: ""\n',
    "a name with a capital": "name: T\n",
    "a name that begins with a dot": "name: .t\n",
    "a name of 32 characters": f"name: {'t' * 32}\n",
    "an unknown key": "name: t\nbasedon: cxl-device\n",
    "an unknown access": "name: t\naccess: none\n",
    "an unknown answer to a CXL reset": "name: t\ncxl-reset: forward\n",
    "dvsecs that are no list": "name: t\ndvsecs: {vendor: 0x1e98, id: 0}\n",
    "a DVSEC without a vendor": "name: t\ndvsecs:\n  - id: 0\n",
    "a DVSEC without an ID": "name: t\ndvsecs:\n  - vendor: 0x1e98\n",
    "a vendor of more than 16 bits": "name: t\ndvsecs:\n  - {vendor: 0x10000, id: 0}\n",
    "a negative ID": "name: t\ndvsecs:\n  - {vendor: 0x1e98, id: -1}\n",
    "a field without a name": policy("{value: 1}"),
    "a field that isn't known": policy("{field: control.mem_enabled, value: 1}"),
    "a known field with an offset": policy("{field: control.mem_enable, offset: 0x0c}"),
    "a known field with bits": policy("{field: control.mem_enable, bits: 2}"),
    "an unknown attribute": policy("{field: control.mem_enable, attribute: WO}"),
    "an unknown source of reads": policy("{field: control.mem_enable, read: memory}"),
    "a write to a value": policy("{field: control.mem_enable, write: [value]}"),
    "a write that is no list": policy("{field: control.mem_enable, write: 1}"),
    "a value that is a text": policy("{field: control.mem_enable, value: on}"),
    "a value of more than 32 bits":
        policy("{field: range1_base_high.memory_base_high, value: 0x100000000}"),
    "a value, and read from the hardware":
        policy("{field: control.io_enable, read: hardware, value: 1}"),
    "read: value without value": policy("{field: control.io_enable, read: value}"),
    "an unknown action": policy("{field: control2.initiate_cache_wbi, action: forward}"),
    "an action in another DVSEC": policy(DESCRIBED[:-1] + ", action: none}", 7),
    "a condition that isn't known": policy("{field: control.mem_enable, when: mem_capable}"),
    "a condition of more than one bit":
        policy("{field: control.mem_enable, when: capability.hdm_count}"),
    "an empty reason": policy('{field: control.mem_enable, reason: ""}'),
    "a reason of 256 characters": policy(f"{{field: control.mem_enable, reason: {'t' * 256}}}"),
    "a described field in capitals": policy(DESCRIBED.replace("a.b", "A.B"), 7),
    "a described field called always": policy(DESCRIBED.replace("a.b", "always"), 7),
    "a described field with a name of 64": policy(DESCRIBED.replace("a.b", "a" * 64), 7),
    "a field in the DVSEC's header": policy(DESCRIBED.replace("0x0c", "0x08"), 7),
    "a field behind the longest DVSEC": policy(DESCRIBED.replace("0x0c", "0xfff"), 7),
    "bits above 31": policy(DESCRIBED.replace("7:4", "32"), 7),
    "bits that are no number": policy(DESCRIBED.replace("7:4", "7-4"), 7),
    "fields, and access is passthrough":
        policy("{field: control.mem_enable, value: 1}", more="access: passthrough\n"),
}.items():
    broken(name, text)

print(f"1..{count}")
END
