#!/usr/bin/python
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many files and directories in one round trip."""

from __future__ import annotations

DOCUMENTATION = r"""
module: files
short_description: Make many files and directories as described
version_added: 1.0.0
description:
  - Makes each file or directory as described, in the order of the list, and changes only what differs.
  - A file is replaced atomically. Its content is never part of the result.
  - One task of this module replaces a template task per file, each of which costs two round trips a host.
options:
  files:
    description: What to make.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      state:
        description: Kind of thing that the path must be.
        type: str
        choices: [file, directory, absent]
        default: file
      content:
        description: Whole content of the file. Without it only owner, group and mode are looked after, and a missing file is made empty.
        type: str
      keep:
        description:
          - Regular expression of lines that belong to the program that reads the file.
          - Lines of the existing file that match stand in for the lines of O(files[].content) that match.
        type: str
      any_order:
        description: Whether the order of lines has no meaning, so that a file with the same lines in another order is left alone.
        type: bool
        default: false
      creates:
        description: Leave this entry alone when this path (a glob) exists.
        type: str
      validate:
        description: Program and arguments that must accept the new file before it is put in place; V(%s) is its path.
        type: list
        elements: str
      owner:
        description: Name of the owner.
        type: str
        default: root
      group:
        description: Name of the group.
        type: str
        default: root
      mode:
        description: Octal mode; 0644 for files and 0755 for directories when not given.
        type: str
  secrets:
    description:
      - Contents that must not appear in any output or log, path to content; for files of O(files) that have no O(files[].content).
      - They are apart because Ansible writes every other argument to the host's journal.
    type: dict
    default: {}
author:
  - infra
"""

EXAMPLES = r"""
- name: Write the configuration
  infra.host.files:
    files:
      - {path: /etc/thing, state: directory}
      - path: /etc/thing/thing.conf
        content: "{{ lookup('ansible.builtin.template', 'thing.conf.j2') }}"
        validate: [thing, --check, "%s"]
"""

RETURN = r"""
changed_paths:
  description: Paths that were made, changed or removed, in the order of the list.
  returned: always
  type: list
  elements: str
"""

import glob
import os
import re
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule

ENTRY = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["file", "directory", "absent"], "default": "file"},
    "content": {"type": "str"},
    "keep": {"type": "str"},
    "any_order": {"type": "bool", "default": False},
    "creates": {"type": "str"},
    "validate": {"type": "list", "elements": "str"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str"},
}


def merge_kept(wanted, existing, pattern):
    """Return wanted with the lines that match pattern replaced by those of existing that match it."""
    kept = [line for line in existing.splitlines(True) if re.search(pattern, line)]
    if not kept:
        return wanted
    merged, placed = [], False
    for line in wanted.splitlines(True):
        if not re.search(pattern, line):
            merged.append(line)
        elif not placed:
            merged.extend(kept)
            placed = True
    if not placed:
        merged.extend(kept)
    return "".join(merged)


def same_lines(one, other):
    """Tell whether two texts have the same lines in any order."""
    return sorted(one.splitlines()) == sorted(other.splitlines())


def read(path):
    """Return the text of path, None when there is no such file."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


class Maker:
    """Makes entries and remembers what it changed; errors name the path."""

    def __init__(self, module):
        self.module = module
        self.changed_paths = []
        self.diff = []

    def fail(self, path, message):
        """End the module with a message that names the path."""
        self.module.fail_json(msg="%s: %s" % (path, message), changed_paths=self.changed_paths)

    def make(self, entry):
        """Make one entry."""
        path = entry["path"]
        if entry["creates"] and glob.glob(entry["creates"]):
            return
        changed = {"file": self.file, "directory": self.directory, "absent": self.absent}[entry["state"]](entry)
        if entry["state"] != "absent" and os.path.lexists(path):
            mode = entry["mode"] or ("0755" if entry["state"] == "directory" else "0644")
            changed = self.module.set_mode_if_different(path, mode, changed)
            changed = self.module.set_owner_if_different(path, entry["owner"], changed)
            changed = self.module.set_group_if_different(path, entry["group"], changed)
        if changed:
            self.changed_paths.append(path)

    def directory(self, entry):
        """Make a directory with its parents."""
        if os.path.isdir(entry["path"]):
            return False
        if not self.module.check_mode:
            os.makedirs(entry["path"], mode=0o755)
        return True

    def absent(self, entry):
        """Remove a file or a whole directory."""
        path = entry["path"]
        if not os.path.lexists(path):
            return False
        if not self.module.check_mode:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        return True

    def file(self, entry):
        """Put the content in place when it differs."""
        path = entry["path"]
        existing = read(path)
        secrets = self.module.params["secrets"]
        secret = path in secrets
        wanted = secrets[path] if secret else entry["content"]
        if wanted is None:
            wanted = existing or ""
        elif entry["keep"] and existing is not None:
            wanted = merge_kept(wanted, existing, entry["keep"])
        if wanted == existing or (existing is not None and entry["any_order"] and same_lines(wanted, existing)):
            return False
        if self.module._diff and not secret:
            self.diff.append({"before": existing or "", "after": wanted, "before_header": path, "after_header": path})
        if not self.module.check_mode:
            self.replace(entry, wanted)
        return True

    def replace(self, entry, content):
        """Write beside the path with its final mode and owner, validate, then rename over it."""
        path = entry["path"]
        descriptor, temporary = tempfile.mkstemp(prefix=".infra-", dir=os.path.dirname(path))
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            self.module.set_owner_if_different(temporary, entry["owner"], False)
            self.module.set_group_if_different(temporary, entry["group"], False)
            self.module.set_mode_if_different(temporary, entry["mode"] or "0644", False)
            if entry["validate"]:
                argv = [word.replace("%s", temporary) for word in entry["validate"]]
                code, out, err = self.module.run_command(argv)
                if code != 0:
                    self.fail(path, "refused by %s: %s" % (argv[0], (err or out).strip()))
            os.rename(temporary, path)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"files": {"type": "list", "elements": "dict", "required": True, "options": ENTRY},
                       "secrets": {"type": "dict", "default": {}, "no_log": True}},
        supports_check_mode=True,
    )
    maker = Maker(module)
    for entry in module.params["files"]:
        try:
            maker.make(entry)
        except OSError as error:
            maker.fail(entry["path"], str(error))
    paths = [entry["path"] for entry in module.params["files"]]
    module.exit_json(changed=bool(maker.changed_paths), changed_paths=maker.changed_paths, diff=maker.diff,
                     invocation={"module_args": {"paths": paths}})


if __name__ == "__main__":
    main()
