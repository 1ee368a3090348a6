#!/usr/bin/env python3
"""The scripts of tools/ by themselves: their cache, their messages, and README.md's commands."""

import importlib.machinery
import importlib.util
import io
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import types
import unittest
from unittest import mock

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
TOOLS = os.path.join(ROOT, "tools")
QUOTED = shlex.quote(TOOLS)
TRACEBACK = "Traceback"
ENVIRONMENT_GENERATOR = (
    "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")
WITHOUT_OPTIONS = ("deps", "run", "tree", "pack", "init", "session")

sys.path.insert(0, os.path.join(TOOLS, "lib"))

from hardware import measure, programs, report, scrub, versions  # noqa: E402
from hardware.steps import FAILED, OK, Machine, Step  # noqa: E402
import cli  # noqa: E402
import vm  # noqa: E402


def output_of(*command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False, **options)


def executables():
    """All programs of the tree that people start: (path, first line)."""
    for folder in ("tools", "guest-mesa/mesa", "guest-mesa/image", "guest-mesa/package",
                   "qemu-patches", ".ci"):
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            path = os.path.join(ROOT, folder, name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                with open(path, encoding="utf-8") as file:
                    yield path, file.readline()


def state_of(process):
    """A process's state as in proc(5), stat; empty when it is gone."""
    try:
        with open("/proc/%d/stat" % process, encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def load(name):
    """One of tools/ as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"),
                                                  os.path.join(TOOLS, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class Cache(unittest.TestCase):
    """cache_make of tools/lib/common.sh."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def command(self, text):
        return ["bash", "-c", "set -euo pipefail; . %s/lib/common.sh; %s" % (QUOTED, text)]

    def run_bash(self, text):
        return output_of(*self.command(text), env={**os.environ, "XDG_CACHE_HOME": self.folder})

    def entry(self, name="it-key"):
        return os.path.join(self.folder, "viaduct", name)

    def test_what_is_half_made_is_never_put_in_place(self):
        make = "make() { touch $1/begun; false; touch $1/done; }; "
        for call in ("cache_make it key make", "(cache_make it key make) >&2",
                     "path=$(cache_make it key make)", "f() { cache_make it key make; }; x=$(f)"):
            done = self.run_bash(make + call)
            self.assertNotEqual(done.returncode, 0, call)
            self.assertFalse(os.path.exists(self.entry()), call)
            self.assertIn("could not make it-key", done.stdout)

    def test_an_interrupted_run_leaves_nothing_that_counts(self):
        process = subprocess.Popen(
            self.command("make() { touch $1/old; echo ready; sleep 60; }; cache_make it key make"),
            stdout=subprocess.PIPE, env={**os.environ, "XDG_CACHE_HOME": self.folder},
            start_new_session=True)
        with process:
            process.stdout.readline()
            os.killpg(process.pid, signal.SIGKILL)
        self.assertFalse(os.path.exists(self.entry()))
        done = self.run_bash("make() { touch $1/new; }; cache_make it key make")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(os.listdir(self.entry()), ["new"])

    def test_two_at_once_make_it_once(self):
        text = "make() { echo made; sleep 1; touch $1/done; }; cache_make it key make"
        runs = [subprocess.Popen(self.command(text), stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.DEVNULL,
                                 env={**os.environ, "XDG_CACHE_HOME": self.folder})
                for _ in range(3)]
        outputs = [run.communicate(timeout=60)[0] for run in runs]
        self.assertEqual([run.returncode for run in runs], [0, 0, 0])
        self.assertEqual("".join(outputs), "made\n")

    def test_another_input_is_another_entry(self):
        for kind in ("one", "two"):
            self.run_bash("make() { echo %s >$1/what; }; "
                          "cache_make it $(cache_key <(declare -f make)) make" % kind)
        entries = [name for name in os.listdir(self.entry("")) if not name.endswith(".lock")]
        self.assertEqual(len(entries), 2)

    def test_a_comment_in_a_trees_description_makes_no_other_tree(self):
        key = self.run_bash("eval \"$(sed -n '/^describe()/p; /^make_tree/,/^}/p; "
                            "/^tree_key/,/^}/p' %s/tree)\"; source_root=$FOLDER; for text in 'suite a' "
                            "'suite a # why' 'suite b'; do mkdir -p $FOLDER/tools/trees; "
                            "echo \"$text\" >$FOLDER/tools/trees/t; tree_key t; done"
                            .replace("$FOLDER", self.folder) % QUOTED).stdout.split()
        self.assertEqual(len(key), 3, key)
        self.assertEqual(key[0].strip(), key[1].strip())
        self.assertNotEqual(key[0], key[2])


class Build(unittest.TestCase):
    """tools/lib/build.sh, and tools/deps."""

    SOURCE = "set -euo pipefail; . %s/lib/common.sh; . %s/lib/build.sh; " % (QUOTED, QUOTED)
    # dpkg-query and apt-get on a machine whose packages are the lines of the file "installed".
    DPKG_QUERY = "#!/bin/sh\ncat $FOLDER/installed\n"
    APT_GET = """#!/bin/sh
echo "Reading package lists..."
echo "$*" >>$FOLDER/calls
case "$*" in *install*)
    sleep 0.5
    for word; do echo "ii $word"; done >>$FOLDER/installed ;;
esac
"""
    SUDO = "#!/bin/sh\nexec \"$@\"\n"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def wait_for(self, name):
        deadline = time.monotonic() + 30
        while not os.path.exists(self.path(name)):
            self.assertLess(time.monotonic(), deadline, name)
            time.sleep(0.02)

    def assert_ends(self, process):
        deadline = time.monotonic() + 30
        while state_of(process) not in ("", "Z"):
            self.assertLess(time.monotonic(), deadline, "%d goes on" % process)
            time.sleep(0.02)

    def test_nothing_in_the_background_outlives_a_script(self):
        job = ("job() { sleep 300 & echo $! >$1/new; mv $1/new $1/sleep; wait; }; "
               "in_background job %s; " % self.folder)
        for end, by, status in (("die 'no compiler'", None, 1), ("sleep 60", signal.SIGINT, 130),
                                ("sleep 60", signal.SIGTERM, 143)):
            text = self.SOURCE + job + "until [[ -e %s ]]; do sleep 0.05; done; %s" % (
                self.path("sleep"), end)
            with subprocess.Popen(["bash", "-c", text], stderr=subprocess.DEVNULL,
                                  start_new_session=True,
                                  # As a terminal's: not ignored.
                                  preexec_fn=lambda: signal.signal(
                                      signal.SIGINT, signal.default_int_handler)) as process:
                self.wait_for("sleep")
                if by:
                    os.killpg(process.pid, by)
                self.assertEqual(process.wait(30), status, end)
            self.assert_ends(int(self.read("sleep")))
            os.unlink(self.path("sleep"))

    def test_what_runs_in_the_background_has_its_status(self):
        for status in (0, 3):
            done = output_of("bash", "-c", self.SOURCE + "job() { return %d; }; in_background job; "
                             "finish_background && echo good || echo bad $?" % status)
            self.assertEqual(done.stdout, "good\n" if status == 0 else "bad 3\n")
            self.assertEqual(done.returncode, 0)

    def test_a_directory_is_configured_and_built_by_one_at_a_time(self):
        text = self.SOURCE + "work() { echo in; sleep 0.3; echo out; }; in_turn %s work" % (
            self.path("build"))
        with open(self.path("order"), "w", encoding="utf-8") as order:
            runs = [subprocess.Popen(["bash", "-c", text], stdout=order, stderr=subprocess.DEVNULL)
                    for _ in range(3)]
            self.assertEqual([run.wait(60) for run in runs], [0, 0, 0])
        self.assertEqual(self.read("order"), "in\nout\n" * 3)
        with open(os.path.join(TOOLS, "test"), encoding="utf-8") as file:
            self.assertNotRegex(file.read(), r"(?m)^ *configure")  # but through in_turn
        failed = output_of("bash", "-c", self.SOURCE + "in_turn %s false" % self.path("build"))
        self.assertEqual(failed.returncode, 1)

    def test_packages_are_installed_once_and_quietly(self):
        os.mkdir(self.path("bin"))
        for name, text in (("dpkg-query", self.DPKG_QUERY), ("apt-get", self.APT_GET),
                           ("sudo", self.SUDO)):
            with open(self.path("bin/" + name), "w", encoding="utf-8") as file:
                file.write(text.replace("$FOLDER", self.folder))
            os.chmod(self.path("bin/" + name), 0o755)
        with open(self.path("installed"), "w", encoding="utf-8") as file:
            file.write("ii meson\n")
        environment = {**os.environ, "XDG_CACHE_HOME": self.folder,
                       "PATH": self.path("bin") + ":" + os.environ["PATH"]}
        runs = [subprocess.Popen([os.path.join(TOOLS, "deps")], stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.DEVNULL, env=environment) for _ in range(2)]
        outputs = [run.communicate(timeout=60)[0] for run in runs]
        self.assertEqual([run.returncode for run in runs], [0, 0])
        self.assertEqual(outputs, ["", ""])
        calls = self.read("calls").splitlines()
        self.assertEqual(len(calls), 2, calls)  # update, install
        for call in calls:
            self.assertIn("DPkg::Lock::Timeout=", call)
        self.assertIn(" ninja-build", calls[1])
        self.assertNotIn(" meson", calls[1])


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
            for name, arguments in (("vm", ["--", "true"]), ("try-hardware", ["--vm"])):
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


class Archive(unittest.TestCase):
    """What tools/try-hardware packs names nobody."""

    ALICE = types.SimpleNamespace(pw_name="aliceb", pw_gecos="Alice Beck,Room 7",
                                  pw_dir="/home/aliceb")

    def setUp(self):
        for patch in (mock.patch.object(pwd, "getpwuid", return_value=self.ALICE),
                      mock.patch.object(pwd, "getpwnam", return_value=self.ALICE),
                      mock.patch.object(scrub.socket, "gethostname",
                                        return_value="becks-tower.example.org"),
                      mock.patch.object(scrub, "first_line",
                                        return_value="0123456789abcdef0123456789abcdef")):
            patch.start()
            self.addCleanup(patch.stop)
        self.scrub = scrub.Scrubber({"/home/aliceb/src/viaduct": "SOURCE"})

    def test_nothing_personal_is_left(self):
        for text, expected in (
                ("/home/aliceb/src/viaduct/build/x", "SOURCE/build/x"),
                ("/home/aliceb/.cache and /home/bob/x", "HOME/.cache and /home/USER/x"),
                ("aliceb@becks-tower: ok", "USER@HOST: ok"),
                ("Alice Beck on becks-tower.example.org", "USER on HOST"),
                ("/dev/mapper/becks--tower--vg-root", "/dev/mapper/HOST--vg-root"),
                ("mail a.beck@example.org", "mail MAIL"),
                ("from 192.168.1.20:22, fe80::1c2d:3eff:fe4f:5a6b", "from IP:22, IP"),
                ("2001:db8:1:2:3:4:5:6 52:54:00:ab:cd:ef", "IP MAC"),
                ("Serial Number: PF0XYZ1, unique_id 0x53c1af",
                 "Serial Number: SERIAL unique_id SERIAL"),
                ("root=UUID=6f9619ff-8b86-d011-b42d-00c04fc964ff", "root=UUID=UUID"),
                ("machine 0123456789abcdef0123456789abcdef", "machine MACHINE")):
            self.assertEqual(self.scrub(text), expected)

    def test_what_a_report_needs_stays(self):
        for text in ("amdgpu 0000:03:00.0: 1002:73df rev c1", "Mesa 25.0.7-2+deb13u1, Linux 6.12.48",
                     "viaduct::log add::bed 12:34:56", "console=ttyS0 serial console",
                     "/usr/lib/x86_64-linux-gnu/libvulkan.so.1", "VCN 0x08110003, SDMA 52.9.0"):
            self.assertEqual(self.scrub(text), text)

    def test_of_the_kernels_command_line_only_the_gpus_parameters_are_kept(self):
        log = ("[    0.000000] Command line: BOOT_IMAGE=/vmlinuz root=/dev/mapper/anna--laptop-root "
               "amdgpu.runpm=0 ip=10.1.2.3 drm.debug=0x4\n"
               "[    0.020000] Kernel command line: root=/dev/sda1 modprobe.blacklist=amdgpu\n"
               "[    0.020001] Unknown kernel command line parameters \"owner=anna amdgpu.x=1\", "
               "will be passed to user space.\n"
               "[    0.030000] Command line: owner=anna\n"
               "[    1.000000] usb 1-1: Anna's telephone\n"
               "[    2.000000] amdgpu 0000:03:00.0: amdgpu: Fetched VBIOS\n"
               "[    2.100000] [drm] Initialized amdgpu 3.61.0\n")
        self.assertEqual(versions.about_gpus(log), (
            "[    0.000000] Command line: amdgpu.runpm=0 drm.debug=0x4\n"
            "[    0.020001] Unknown kernel command line parameters \" amdgpu.x=1\n"
            "[    2.000000] amdgpu 0000:03:00.0: amdgpu: Fetched VBIOS\n"
            "[    2.100000] [drm] Initialized amdgpu 3.61.0"))

    def test_an_archive_is_scrubbed_and_owned_by_nobody(self):
        with tempfile.TemporaryDirectory() as folder:
            logs = os.path.join(folder, "logs")
            os.mkdir(logs)
            with open(os.path.join(logs, "a.log"), "wb") as file:
                file.write(b"\xff aliceb at becks-tower: 10.1.2.3\n")
            path = os.path.join(folder, "try.tar.gz")
            report.write_archive(path, logs, self.scrub)
            with tarfile.open(path) as archive:
                entry = archive.getmember("try/a.log")
                self.assertEqual((entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime),
                                 (0, 0, "", "", 0))
                text = archive.extractfile(entry).read().decode()
            self.assertIn("USER at HOST: IP\n", text)

    def test_what_slipped_through_stops_the_archive(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "try.tar.gz")
            with tarfile.open(path, "w:gz") as archive:
                entry = tarfile.TarInfo("try/a.log")
                entry.size = 9
                archive.addfile(entry, io.BytesIO(b"xaliceb7\n"))
            with self.assertRaises(cli.Failure):
                report.check_archive(path, self.scrub.words)
            self.assertFalse(os.path.exists(path))


class Hardware(unittest.TestCase):
    """How tools/try-hardware reads what its programs print."""

    GTEST = ("device: AMD Radeon (RADV RENOIR)\ndriver: radv, Mesa 25.0.7\n"
             "[  SKIPPED ] Trouble.A (0 ms)\n[  PASSED  ] 12 tests.\n"
             "[  SKIPPED ] 1 test, listed below:\n[  SKIPPED ] Trouble.A\n%s")

    def test_cases_are_counted(self):
        good = self.GTEST % ""
        self.assertEqual(programs.counts(good), (12, 0, 1))
        self.assertEqual(programs.device(good), "AMD Radeon (RADV RENOIR), radv, Mesa 25.0.7")
        bad = self.GTEST % "[  FAILED  ] 2 tests, listed below:\n[  FAILED  ] Compute.Scan\n"
        self.assertEqual(programs.counts(bad), (12, 2, 1))
        for status, output, verdict in ((0, good, OK), (1, bad, FAILED), (1, good, FAILED),
                                        (None, good, FAILED), (0, "", FAILED), (-11, "", FAILED)):
            self.assertEqual(programs.judge("it", status, output).verdict, verdict)

    def test_medians_leave_out_the_first_rounds(self):
        rounds = "".join("%s %d\n" % (name, 9000 if number < measure.WARM_UP else number)
                         for number in range(measure.WARM_UP + 3) for name in measure.MEASURES)
        expected = measure.WARM_UP + 1
        self.assertEqual(measure.medians("device x\n" + rounds),
                         dict.fromkeys(measure.MEASURES, expected))
        self.assertEqual(measure.medians("device x\nlost\n"), {})

    def test_the_table_says_what_failed_and_shows_ratios(self):
        steps = [Step("good", OK, ""), Step("bad", FAILED, "why")]
        page = report.table("sim:renoir", {"kernel": "6.12"}, {}, steps,
                            {"loopback": {"submit": (1000, 2500)}})
        self.assertIn("FAILED: bad\n", page)
        self.assertRegex(page, r"submit +1\.0 us +2\.5 us +2\.50\n")
        self.assertNotIn("FAILED", report.table("sim:renoir", {}, {}, steps[:1], {}))


class Trial(unittest.TestCase):
    """tools/try-hardware leaves its page and its archive, whatever happens."""

    # Stands for every program of a build; $0 is its path.
    BROKEN = "#!/bin/sh\necho \"the last words of $0\"\nexit 3\n"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.build = os.path.join(folder.name, "build")
        self.archive = os.path.join(folder.name, "try.tar.gz")
        os.mkdir(self.build)

    def add_program(self, relative, text=BROKEN):
        path = os.path.join(self.build, relative)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def command(self, *options):
        return [os.path.join(TOOLS, "try-hardware"), "--no-build", "--build=" + self.build,
                "--gpu=sim:renoir", "--archive=" + self.archive, *options]

    def packed(self, name):
        with tarfile.open(self.archive) as archive:
            return archive.extractfile("try/" + name).read().decode()

    def test_a_build_that_lacks_everything_is_reported(self):
        done = output_of(*self.command("--hang"))
        self.assertEqual(done.returncode, 1, done.stdout)
        for page in (done.stdout, self.packed("report.txt")):
            for step in ("doctor", "programs", "figures", "killed-worker", "hung-ring"):
                self.assertRegex(page, r"(?m)^  %s +FAILED +\S*: No such file" % step)
        self.assertIn("archive: " + self.archive, done.stdout)

    def test_programs_that_fail_leave_their_logs(self):
        for program in ("tools/viaduct/viaduct", "tests/loopback/viaduct-loopback",
                        *programs.PROGRAMS.values(), measure.PROGRAM):
            self.add_program(program)
        done = output_of(*self.command())
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertNotIn(TRACEBACK, done.stdout)
        self.assertRegex(self.packed("report.txt"),
                         "killed-worker +FAILED +the loopback's server did not start; "
                         "killed-worker-server.log has more")
        for name in ("doctor", "vulkan-guest", "killed-worker-server"):
            self.assertIn("the last words of ", self.packed(name + ".log"))

    def test_an_interrupt_keeps_what_was_done(self):
        self.add_program("tools/viaduct/viaduct", "#!/bin/sh\necho looked\n")
        self.add_program(programs.PROGRAMS["Vulkan"],
                         "#!/bin/sh\necho begun\n>$0.begun\nexec sleep 60\n")
        with subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True) as process:
            deadline = time.monotonic() + 60
            while not os.path.exists(os.path.join(
                    self.build, programs.PROGRAMS["Vulkan"] + ".begun")):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            output = process.stdout.read()
        self.assertEqual(process.returncode, 130, output)
        self.assertRegex(self.packed("report.txt"), "the rest +FAILED +interrupted")
        self.assertIn("looked", self.packed("doctor.log"))
        self.assertIn("begun", self.packed("vulkan-bare.log"))

    def test_the_hang_comes_last_and_finds_an_archive(self):
        trial = load("try-hardware")
        order = []

        def hang(_):
            order.append("hang")
            self.assertIn("in a machine", self.packed("report.txt"))
            raise cli.Failure("no answer")

        def machine(_machine, _options, steps, *_):
            order.append("vm")
            steps.append(Step("in a machine", OK, ""))

        with mock.patch.object(sys, "argv", self.command("--hang", "--vm")), \
                mock.patch.object(trial, "in_virtual_machine", machine), \
                mock.patch.object(trial.versions, "qemu", return_value="QEMU"), \
                mock.patch.object(trial.trouble, "hang_a_ring", hang), \
                mock.patch("sys.stdout", io.StringIO()), mock.patch("sys.stderr", io.StringIO()):
            self.assertEqual(trial.main(), 1)
        self.assertEqual(order, ["vm", "hang"])
        self.assertRegex(self.packed("report.txt"), "hung-ring +FAILED +no answer")


class Package(unittest.TestCase):
    def packed(self, folder, *layers):
        """A package's contents, unpacked; where its LD_PRELOAD is for programs that look there."""
        package = os.path.join(folder, "viaduct-guest.deb")
        subprocess.run([os.path.join(ROOT, "guest-mesa/package/pack"), package, "0",
                        os.environ["VIADUCT_RUN"], os.environ["VIADUCT_LAYER"], *layers],
                       check=True, stderr=subprocess.DEVNULL)
        root = os.path.join(folder, "root")
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
        return root + "/usr/lib/viaduct-guest/$LIB/libviaduct-guest.so"

    @unittest.skipUnless("VIADUCT_LAYER_32" in os.environ, "no compiler for 32-bit programs")
    def test_programs_of_both_kinds_find_their_layer(self):
        """The dynamic linker has nothing to complain of, with the layer and with an empty one."""
        with tempfile.TemporaryDirectory() as folder:
            empty = os.path.join(folder, "empty.so")
            subprocess.run([os.path.join(ROOT, "guest-mesa/layer/empty_library"), empty], check=True)
            for layer_32 in os.environ["VIADUCT_LAYER_32"], empty:
                preload = self.packed(folder, layer_32)
                for program in os.environ["VIADUCT_LIST_LIBRARIES_32"], "/bin/true":
                    run = subprocess.run([program], env={"LD_PRELOAD": preload}, check=True,
                                         capture_output=True, text=True)
                    self.assertEqual(run.stderr, "")
                    if program != "/bin/true":
                        self.assertIn("/viaduct-guest/lib/i386-linux-gnu/libviaduct-guest.so",
                                      run.stdout)
                shutil.rmtree(os.path.join(folder, "root"))

    @unittest.skipUnless(os.path.exists(ENVIRONMENT_GENERATOR), "no systemd")
    def test_sessions_get_what_the_dynamic_linker_expands(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "environment.d"))
            shutil.copy(os.path.join(ROOT, "guest-mesa/package/environment.conf"),
                        os.path.join(folder, "environment.d"))
            made = output_of("env", "-i", "HOME=" + folder, "XDG_CONFIG_HOME=" + folder,
                             ENVIRONMENT_GENERATOR).stdout
        self.assertIn("/usr/lib/viaduct-guest/$LIB/libviaduct-guest.so",
                      made.replace("\\", ""))

    def test_nobody_reads_half_of_a_package(self):
        """Several are made in the same place while it is read again and again."""
        with tempfile.TemporaryDirectory() as folder:
            package = os.path.join(folder, "viaduct-guest.deb")
            pack = [os.path.join(ROOT, "guest-mesa/package/pack"), package, "0",
                    os.environ["VIADUCT_RUN"], os.environ["VIADUCT_LAYER"]]
            subprocess.run(pack, check=True, stderr=subprocess.DEVNULL)
            ended = threading.Event()
            readings = []

            def read():
                while not ended.is_set():
                    readings.append(output_of("dpkg-deb", "--contents", package))

            reader = threading.Thread(target=read)
            reader.start()
            try:
                for _ in range(3):
                    writers = [subprocess.Popen(pack, stderr=subprocess.DEVNULL) for _ in range(2)]
                    self.assertEqual([writer.wait(60) for writer in writers], [0, 0])
            finally:
                time.sleep(0.05)
                ended.set()
                reader.join()
            self.assertGreater(len(readings), 1)
            for reading in readings:
                self.assertEqual(reading.returncode, 0, reading.stdout)
            self.assertEqual(os.listdir(folder), ["viaduct-guest.deb"])


if __name__ == "__main__":
    unittest.main()
