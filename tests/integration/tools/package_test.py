#!/usr/bin/env python3
"""The guest package, as its users install it."""

import errno
import os
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from common import ROOT, output_of

ENVIRONMENT_GENERATOR = (
    "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")


def runs_32_bit_programs():
    """False if the kernel was built or booted without them."""
    program = os.environ.get("VIADUCT_LIST_LIBRARIES_32", "/bin/true")
    try:
        subprocess.run([program], check=False, capture_output=True)
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            return False
        raise
    return True


# The program that an instrumented layer is loaded into is not, and has its own leaks.
INSTRUMENTED = {"ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}


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
    @unittest.skipUnless(runs_32_bit_programs(), "this kernel does not run 32-bit programs")
    def test_programs_of_both_kinds_find_their_layer(self):
        """The dynamic linker has nothing to complain of, with the layer and with an empty one."""
        with tempfile.TemporaryDirectory() as folder:
            empty = os.path.join(folder, "empty.so")
            subprocess.run([os.path.join(ROOT, "guest-mesa/layer/empty_library"), empty], check=True)
            for layer_32 in os.environ["VIADUCT_LAYER_32"], empty:
                preload = self.packed(folder, layer_32)
                for program in os.environ["VIADUCT_LIST_LIBRARIES_32"], "/bin/true":
                    run = subprocess.run([program], env={"LD_PRELOAD": preload, **INSTRUMENTED},
                                         check=True, capture_output=True, text=True)
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

    def test_the_same_files_give_the_same_package(self):
        """Whoever makes it, where and when."""
        made = []
        for umask, zone, language in (0o022, "UTC", "C"), (0o077, "Asia/Tokyo", "C.UTF-8"):
            with tempfile.TemporaryDirectory() as folder:
                package = os.path.join(folder, "viaduct-guest.deb")
                subprocess.run([os.path.join(ROOT, "guest-mesa/package/pack"), package, "0",
                                os.environ["VIADUCT_RUN"], os.environ["VIADUCT_LAYER"]],
                               check=True, stderr=subprocess.DEVNULL, umask=umask,
                               env=dict(os.environ, TZ=zone, LC_ALL=language, TMPDIR=folder))
                with open(package, "rb") as file:
                    made.append(file.read())
            time.sleep(1.1)  # times of files are in seconds
        self.assertEqual(made[0], made[1])

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
