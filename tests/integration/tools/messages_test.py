#!/usr/bin/env python3
"""Messages, options and ends of the programs in tools/, and README.md's commands."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

from common import QUOTED, ROOT, TOOLS, executables, load, output_of, state_of
import cli
from hardware.steps import Machine
import vm

TRACEBACK = "Traceback"
WITHOUT_OPTIONS = ("deps", "run", "tree", "pack", "init", "session")


class Messages(unittest.TestCase):
    """Whatever happens, people read one sentence."""

    def run_tool(self, body):
        script = ("import sys, subprocess, time\nsys.path.insert(0, %r)\nimport cli\n"
                  "def main():\n    %s\ncli.run('tools/it', main)" % (TOOLS + "/lib", body))
        return output_of(sys.executable, "-c", script)

    def test_errors_are_sentences(self):
        for body, expected in (
                ("open('/nonexistent/file')", "/nonexistent/file: No such file or directory"),
                ("open('/proc/self/mem').read()", "Input/output error"),
                ("subprocess.run(['false'], check=True)", "false ended with status 1"),
                ("subprocess.run(['/nonexistent'])", "/nonexistent: No such file"),
                ("subprocess.run(['sleep', '9'], timeout=0.1)", "sleep 9 took more than 0.1 s"),
                ("raise cli.Failure('the reason')", "the reason"),
                ("raise KeyError('x')", "internal error: KeyError: 'x'")):
            done = self.run_tool(body)
            self.assertEqual(done.returncode, 1, body)
            self.assertTrue(done.stdout.startswith("tools/it: "), done.stdout)
            self.assertIn(expected, done.stdout)
            self.assertEqual(done.stdout.count("\n"), 1, done.stdout)

    def test_a_termination_ends_what_a_tool_started(self):
        body = ("import tempfile\n    with tempfile.TemporaryDirectory() as folder:\n"
                "        print(folder, flush=True)\n        time.sleep(60)")
        script = ("import sys, time\nsys.path.insert(0, %r)\nimport cli\ndef main():\n    %s\n"
                  "cli.run('tools/it', main)" % (TOOLS + "/lib", body))
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as process:
            folder = process.stdout.readline().strip()
            process.terminate()
            self.assertEqual(process.stdout.read(), "tools/it: interrupted\n")
        self.assertFalse(os.path.exists(folder))

    def test_what_takes_too_long_ends_with_all_that_it_started(self):
        with tempfile.TemporaryDirectory() as folder:
            machine = Machine(folder, "sim:renoir", folder)
            status, output = machine.run("it", ["sh", "-c", "sleep 300 & echo $!; wait"], 1)
            self.assertIsNone(status)
            deadline = time.monotonic() + 30
            while state_of(int(output)) not in ("", "Z"):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)

    def test_a_path_that_qemu_would_cut_is_refused(self):
        for path in ("/a b", "/a,b", "/a:b", "/a\"b"):
            with self.assertRaisesRegex(cli.Failure, "cannot be shared"):
                vm.check_shares(["/home/x/build", path])
        vm.check_shares(["/home/anna/src/viaduct-1.0_x+y~z/build"])

    def test_an_interrupt_is_a_word(self):
        script = ("import sys, time\nsys.path.insert(0, %r)\nimport cli\n"
                  "def main():\n    print('ready', flush=True)\n    time.sleep(60)\n"
                  "cli.run('tools/it', main)" % (TOOLS + "/lib"))
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as process:
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.stdout.read(), "tools/it: interrupted\n")
        self.assertEqual(process.returncode, 130)

    def test_a_reader_that_is_gone_ends_it_quietly(self):
        done = output_of("bash", "-c", "%s/fresh-clone --list --slow | true; echo ${PIPESTATUS[0]}"
                         % QUOTED)
        self.assertNotIn(TRACEBACK, done.stdout)
        self.assertIn(done.stdout, ("0\n", "141\n"))

    def test_every_python_tool_ends_through_the_wrapper(self):
        scripts = [path for path, first in executables() if "python" in first]
        self.assertIn(os.path.join(TOOLS, "vm"), scripts)
        for path in scripts:
            with open(path, encoding="utf-8") as file:
                self.assertRegex(file.read(), r"\n    cli\.run\(\"tools/[a-z-]+\", main\)\n$", path)

    def test_help_is_there_and_a_wrong_option_is_a_sentence(self):
        for path, first in executables():
            if os.path.basename(path) in WITHOUT_OPTIONS:
                continue
            done = output_of(path, "--help")
            self.assertEqual(done.returncode, 0, path + done.stdout)
            name = os.path.relpath(path, ROOT)
            self.assertIn(name, done.stdout)
            done = output_of(path, "--no-such-option")
            self.assertNotEqual(done.returncode, 0, path)
            last = done.stdout.splitlines()[-1]
            self.assertTrue(last.startswith(name + ": "), "%s: %s" % (path, done.stdout))
            self.assertNotIn(TRACEBACK, done.stdout)

    def test_tools_work_from_any_directory(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(ROOT, os.path.join(folder, "clone"))
            for path, _ in executables():
                if os.path.basename(path) in WITHOUT_OPTIONS:
                    continue
                relative = os.path.join("clone", os.path.relpath(path, ROOT))
                done = output_of(relative, "--help", cwd=folder)
                self.assertEqual(done.returncode, 0, relative + done.stdout)
                self.assertIn(os.path.relpath(path, ROOT), done.stdout)
                done = output_of(relative, "--no-such-option", cwd=folder)
                self.assertIn(os.path.relpath(path, ROOT) + ": ", done.stdout)


class Root(unittest.TestCase):
    """Who cannot make a tree reads it before anything is built."""

    ADVICE = r"which needs root: run this command as root \(sudo tools/%s"

    def test_scripts(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "id"), "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\necho 1000\n")
            os.chmod(os.path.join(folder, "id"), 0o755)
            for option in ("--vm", "--vm=patched", "--mesa=virtio"):
                done = output_of(os.path.join(TOOLS, "demo"), option, env={
                    **os.environ, "XDG_CACHE_HOME": folder,
                    "PATH": folder + ":" + os.environ["PATH"]})
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertRegex(done.stdout, r"\Atools/demo: .*" + self.ADVICE % "demo")

    def test_python_tools(self):
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(os, "geteuid", return_value=1000), \
                mock.patch.dict(os.environ, {"XDG_CACHE_HOME": folder}):
            for name, arguments in (("vm", ["--", "true"]), ("try-hardware", ["--vm"]),
                                    ("bench", ["--vm"]), ("bench", ["--mesa=trixie"])):
                with mock.patch.object(sys, "argv", [name, *arguments]), \
                        self.assertRaisesRegex(cli.Failure, self.ADVICE % name):
                    load(name).main()


class Readme(unittest.TestCase):
    def test_its_commands_are_found_and_their_programs_exist(self):
        fresh = load("fresh-clone")
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            commands = fresh.commands(file.read())
        self.assertGreater(len(commands), 10)
        for command in commands:
            program = command.split()[0]
            self.assertTrue(program == "guest$" or os.access(os.path.join(ROOT, program), os.X_OK),
                            "README.md: " + command)
        for command in fresh.CI:
            self.assertIn(command, commands)

    def test_comments_and_continued_lines(self):
        fresh = load("fresh-clone")
        text = ("```sh\na b  # c\n# d\n\ne \\\n    f\n```\n```console\nhost$ g\nguest$ h\n```\n"
                "```\ni\n```\n")
        self.assertEqual(fresh.commands(text), ["a b", "e f", "guest$ h"])


if __name__ == "__main__":
    unittest.main()
