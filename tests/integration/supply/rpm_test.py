#!/usr/bin/env python3
"""The guest layer's spec file, built by rpmbuild, and what its package holds.

    rpm_test.py VERSION

Fedora's dependencies are unknown on Debian, so they are not checked. Exits with 77 without rpmbuild.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
SPEC = os.path.join(ROOT, "guest-mesa/package/viaduct-guest.spec")
SKIPPED = 77  # meson


def run(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        raise AssertionError("%s ended with %d:\n%s" % (command[0], done.returncode, done.stdout))
    return done.stdout


class Rpm(unittest.TestCase):
    version = ""

    def build(self, top):
        """The package's path. Its source is this tree as it is, committed or not."""
        name = "viaduct-" + self.version
        source = os.path.join(top, "SOURCES", name + ".tar.gz")
        os.makedirs(os.path.dirname(source))
        listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others",
                                 "--exclude-standard"], capture_output=True, check=True).stdout
        subprocess.run(["tar", "-C", ROOT, "--null", "--files-from=-", "--ignore-failed-read",
                        "--transform=s,^,%s/,S" % name, "-czf", source], input=listed, check=True)
        environment = dict(os.environ, CCACHE_NOHASHDIR="1", CCACHE_BASEDIR=top)
        run("rpmbuild", "-bb", "--nodeps", "--define", "_topdir " + top, SPEC, env=environment)
        folder = os.path.join(top, "RPMS", os.uname().machine)
        packages = os.listdir(folder)
        self.assertEqual(len(packages), 1, packages)
        return os.path.join(folder, packages[0])

    def test_the_spec_builds_a_package_that_works(self):
        with tempfile.TemporaryDirectory() as top:
            package = self.build(top)
            self.assertIn("viaduct-guest-%s-1" % self.version, package)
            # Whether manual pages are compressed is up to the system that builds it.
            files = [file.removesuffix(".gz") for file in run(
                "rpm", "--query", "--package", "--list", package).splitlines()]
            for file in ("/usr/bin/viaduct-run", "/usr/lib/viaduct-guest/lib64/libviaduct-guest.so",
                         "/usr/lib/environment.d/60-viaduct-guest.conf",
                         "/usr/share/man/man1/viaduct-run.1"):
                self.assertIn(file, files)
            needs = run("rpm", "--query", "--package", "--requires", package)
            self.assertIn("libc.so.6", needs)
            self.assertNotIn("libdrm", needs)
            self.assertNotIn("libstdc++", needs)
            # Unpacked, viaduct-run finds its layer where the package has it.
            subprocess.run("rpm2cpio %s | cpio --extract --make-directories --quiet" % package, shell=True,
                           cwd=top, check=True)
            self.assertNotIn("is missing", run(os.path.join(top, "usr/bin/viaduct-run"), "true"))


if __name__ == "__main__":
    if not shutil.which("rpmbuild"):
        print("rpm_test: skipped, since rpmbuild is not installed (Debian: rpm)", file=sys.stderr)
        sys.exit(SKIPPED)
    Rpm.version = sys.argv.pop(1)
    unittest.main()
