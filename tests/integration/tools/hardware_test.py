#!/usr/bin/env python3
"""tools/try-hardware, on machines that are made up."""

import io
import os
import pwd
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import types
import unittest
from unittest import mock

from common import QUOTED, TOOLS, load, output_of
from hardware import measure, programs, report, scrub, versions
from hardware.steps import FAILED, OK, Machine, Step
import cli
import gpus

TRACEBACK = "Traceback"


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
               "amdgpu.runpm=0 ip=10.1.2.3 drm.debug=0x4 i915.enable_guc=3 xe.force_probe=9a49\n"
               "[    0.020000] Kernel command line: root=/dev/sda1 modprobe.blacklist=amdgpu\n"
               "[    0.020001] Unknown kernel command line parameters \"owner=anna amdgpu.x=1\", "
               "will be passed to user space.\n"
               "[    0.030000] Command line: owner=anna\n"
               "[    1.000000] usb 1-1: Anna's telephone\n"
               "[    2.000000] amdgpu 0000:03:00.0: amdgpu: Fetched VBIOS\n"
               "[    2.100000] [drm] Initialized amdgpu 3.61.0\n"
               "[    2.200000] xe 0000:00:02.0: Tile0: GT0: GuC firmware 70.36\n"
               "[    2.300000] exe xenon: i9155\n")
        self.assertEqual(versions.about_gpus(log), (
            "[    0.000000] Command line: amdgpu.runpm=0 drm.debug=0x4 i915.enable_guc=3 "
            "xe.force_probe=9a49\n"
            "[    0.020001] Unknown kernel command line parameters \" amdgpu.x=1\n"
            "[    2.000000] amdgpu 0000:03:00.0: amdgpu: Fetched VBIOS\n"
            "[    2.100000] [drm] Initialized amdgpu 3.61.0\n"
            "[    2.200000] xe 0000:00:02.0: Tile0: GT0: GuC firmware 70.36"))

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


class Gpus(unittest.TestCase):
    """Which GPU a tool takes, on made-up machines."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.sysfs = folder.name

    def add(self, node, driver, address):
        device = os.path.join(self.sysfs, "devices", address)
        for path in (device, os.path.join(self.sysfs, node), os.path.join(self.sysfs, driver)):
            os.makedirs(path, exist_ok=True)
        os.symlink(os.path.join(self.sysfs, driver), os.path.join(device, "driver"))
        os.symlink(device, os.path.join(self.sysfs, node, "device"))

    def test_without_one_that_fits_it_is_simulated(self):
        self.assertEqual(gpus.default(self.sysfs), "sim:renoir")
        self.add("renderD128", "nouveau", "0000:01:00.0")
        self.assertEqual(gpus.default(self.sysfs), "sim:renoir")
        self.assertEqual(gpus.vendor("auto", self.sysfs), "")
        for driver in "amdgpu", "i915", "xe":
            self.add("renderD129", driver, "0000:0%d:00.0" % len(driver))
            self.assertEqual(gpus.default(self.sysfs), "auto", driver)
            os.unlink(os.path.join(self.sysfs, "renderD129", "device"))

    def test_whose_it_is(self):
        self.add("renderD1024", "amdgpu", "0000:03:00.0")
        self.add("renderD129", "xe", "0000:00:02.0")
        self.add("renderD128", "nouveau", "0000:01:00.0")
        for gpu, vendor in (("auto", "Intel"), ("/dev/dri/renderD1024", "AMD"),
                            ("pci:0000:03:00.0", "AMD"), ("pci:0000:00:02.0", "Intel"),
                            ("/dev/dri/renderD128", ""), ("/dev/dri/renderD12", ""),
                            ("sim:renoir", "AMD"), ("sim:vega10", "AMD"), ("sim:tgl-xe", "Intel"),
                            ("sim:lnl", "Intel")):
            self.assertEqual(gpus.vendor(gpu, self.sysfs), vendor, gpu)

    def test_a_machine_runs_programs_on_its_own_gpu_only(self):
        machine = Machine("build", "sim:tgl", "logs")
        self.assertEqual(machine.environment["VIADUCT_GUEST_DEVICE"], "Intel")
        self.assertFalse(machine.can_draw)
        self.assertNotIn("Transfer", programs.cases(machine, quick=False))
        self.assertTrue(Machine("build", "sim:renoir", "logs").can_draw)

    def test_scripts_ask_the_same(self):
        done = output_of("bash", "-c", ". %s/lib/build.sh; gpu_vendor sim:bmg; can_draw sim:bmg || "
                         "echo no; can_draw sim:renoir && default_gpu" % QUOTED)
        self.assertRegex(done.stdout, r"^Intel\nno\n(auto|sim:renoir)\n$")


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


if __name__ == "__main__":
    unittest.main()
