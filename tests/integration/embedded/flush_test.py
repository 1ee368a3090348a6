#!/usr/bin/env python3
"""Fenced flushes in the patched QEMU: the guest has its answer when the frame is on the screen.

    flush_test.py BUILD SCREEN [UDMABUF] Gl|Memory|Viewer

Gl: blobs of a native context. Memory: blobs in the guest's memory, of the 2D device; needs /dev/udmabuf, or the
library UDMABUF that plays it. Exits with 77 if QEMU or its tree has not been made (tools/test --vm makes them).
"""

import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from embedded_case import BUFFERS, BUILD, HEIGHT, SIZE, WIDTH, EmbeddedCase, first_pixel, noise, run  # noqa: E402
from embedded_qemu import until  # noqa: E402
from memory_guest import MemoryGuest  # noqa: E402

TRACE = ("-trace", "virtio_gpu_flush_*", "-trace", "wayland_*")
SLOT = 1  # of the queue, for the flush that is watched; 0 is for other commands
HELD_MOST = 8
TRIES = 50


class Flushes:
    """Each device's test cases. QEMU answers a flush after 0.15 s anyway; where that comes first on a slow
    machine, the test tries again."""

    DISPLAY = ""

    def begin(self, *arguments, display=""):
        self.screen = self.open_screen()
        self.qemu = self.start_device(self.screen, *TRACE, *arguments, display=self.DISPLAY + display)
        self.start_guest()
        self.fence = 0

    def start_guest(self):
        """Its first frame comes after the machine's own pictures."""
        self.guest = self.make_guest()
        self.draw_all(self.guest)
        self.guest.flip(BUFFERS[0], WIDTH, HEIGHT)
        self.screen.frame()

    def answers(self):
        """Fence and reason of each flush that was held."""
        return [(int(fence, 16), why) for fence, why in
                re.findall(r"virtio_gpu_flush_answered fence (\w+), -?\d+ ns, (\w+)", self.qemu.log())]

    def refresh(self):
        """All that came is on the screen, and the next frame will be taken, but not shown."""
        self.screen.tell("rate", 0)
        self.screen.tell("refresh")
        self.screen.tell("refresh")
        self.screen.tell("ticks")
        self.screen.wait(r"ticks \d+")

    def take_unshown(self, resource):
        """A frame that the compositor has taken, and shows when it is told to; its flush is held. False: the
        time was over before."""
        self.refresh()
        self.guest.scan_out(resource, WIDTH, HEIGHT)
        self.fence += 1
        self.guest.send_fenced_flush(resource, WIDTH, HEIGHT, self.fence, slot=SLOT)
        self.assert_shows(self.screen, resource)
        self.guest.display_info()  # of the device, which has nothing to wait for
        self.guest.answered()
        if SLOT not in self.guest.pending:
            self.assertEqual(self.answers()[-1], (self.fence, "late"), "answered before the frame was shown")
        return SLOT in self.guest.pending

    def attempt(self, what):
        for number in range(TRIES):
            if what(BUFFERS[number % len(BUFFERS)]):
                return
            self.guest.answer(SLOT)
        self.fail("the time was always over before")

    def test_flush_is_answered_when_the_frame_is_shown(self):
        self.begin()
        shown = []

        def show_one(resource):
            if not self.take_unshown(resource):
                return False
            self.screen.tell("refresh")
            self.assertEqual(self.guest.answer(SLOT), 0x1100)
            until(lambda: self.answers() and self.answers()[-1][0] == self.fence, "the answer in the trace")
            shown.append(self.answers()[-1][1])
            return shown.count("display") == 3
        self.attempt(show_one)

    def test_other_commands_go_on_meanwhile(self):
        self.begin()

        def flush_and_ask(resource):
            if not self.take_unshown(resource):
                return False
            self.assertNotIn("wayland_held", self.qemu.log().split("virtio_gpu_flush_held")[-1])
            return True
        self.attempt(flush_and_ask)

    def test_flush_is_answered_without_the_compositor(self):
        self.begin()
        self.attempt(self.take_unshown)
        self.assertEqual(self.guest.answer(SLOT), 0x1100)
        until(lambda: self.answers()[-1:] == [(self.fence, "late")], "the end of its time in the trace")
        # This one is not even taken.
        self.fence += 1
        self.guest.send_fenced_flush(BUFFERS[0], WIDTH, HEIGHT, self.fence, slot=SLOT)
        self.assertEqual(self.guest.answer(SLOT), 0x1100)
        # And if there is no compositor at all:
        self.screen.stop(signal.SIGKILL)
        for self.fence in range(self.fence + 1, self.fence + 4):
            self.guest.send_fenced_flush(BUFFERS[0], WIDTH, HEIGHT, self.fence, slot=SLOT)
            self.assertEqual(self.guest.answer(SLOT), 0x1100)

    def test_compositor_ends_with_a_held_flush(self):
        self.begin()
        self.attempt(self.take_unshown)
        self.screen.stop(signal.SIGKILL)
        self.assertEqual(self.guest.answer(SLOT), 0x1100)

    def test_no_more_than_eight_are_held(self):
        self.begin(display=",max-hold=900")
        flushes = range(1, HELD_MOST + 2)

        def send_nine(resource):
            self.refresh()
            before = len(self.answers())
            self.guest.scan_out(resource, WIDTH, HEIGHT)
            for slot in flushes:
                self.guest.send_fenced_flush(resource, WIDTH, HEIGHT, self.fence + slot, slot=slot,
                                             ring=slot == flushes[-1])
            order = []
            self.guest.wait(lambda: order.extend(self.guest.answered()) or len(order) == len(flushes), "answers")
            self.assertEqual(order, list(flushes), "answered out of order")
            answers = until(lambda: len(self.answers()) == before + len(flushes) and self.answers()[before:],
                            "the answers in the trace")
            self.assertEqual([fence - self.fence for fence, _ in answers], list(flushes))
            self.fence += flushes[-1]
            return answers[0][1] == "full"
        self.attempt(send_nine)
        held = [int(number) for number in re.findall(r"virtio_gpu_flush_held fence \w+, held (\d+)", self.qemu.log())]
        self.assertEqual(max(held), HELD_MOST + 1, "the ninth lets the first go")

    def test_unfenced_flushes_are_not_held(self):
        self.begin()
        for resource in BUFFERS * 2:
            self.guest.flip(resource, WIDTH, HEIGHT)
            self.assert_shows(self.screen, resource)
        self.guest.display_info()
        self.assertNotIn("virtio_gpu_flush_held", self.qemu.log())
        self.assertIn("wayland_held", self.qemu.log())

    def test_machine_is_reset_with_a_held_flush(self):
        self.begin()
        monitor = self.qemu.monitor()
        self.attempt(lambda resource: self.reset(monitor, resource))
        for fence, resource in enumerate(BUFFERS, 10):
            self.guest.scan_out(resource, WIDTH, HEIGHT)
            self.guest.send_fenced_flush(resource, WIDTH, HEIGHT, fence, slot=SLOT)
            self.assertEqual(self.guest.answer(SLOT), 0x1100)
        monitor.close()

    def reset(self, monitor, resource):
        if not self.take_unshown(resource):
            return False
        monitor.execute("system_reset")
        until(lambda: self.answers()[-1:] == [(self.fence, "reset")] or (self.fence, "late") in self.answers(),
              "the reset")
        why = self.answers()[-1][1]
        self.screen.tell("rate", 60)
        self.screen.wait(r"frame shm .*")  # the machine says that its screen is off
        self.guest.qtest.close()
        self.start_guest()
        if why == "late":
            self.guest.send_fenced_flush(BUFFERS[0], WIDTH, HEIGHT, 1, slot=SLOT)
        return why == "reset"

    def test_machine_stops_with_a_held_flush(self):
        self.begin()
        monitor = self.qemu.monitor()

        def stop(resource):
            if not self.take_unshown(resource):
                return False
            monitor.execute("stop")
            until(lambda: self.answers() and self.answers()[-1][0] == self.fence, "the answer")
            why = self.answers()[-1][1]
            self.assertEqual(self.guest.answer(SLOT), 0x1100)
            if why == "stopped":
                self.save(monitor)
            monitor.execute("cont")
            return why == "stopped"
        self.attempt(stop)
        self.screen.tell("rate", 60)
        self.guest.flip(BUFFERS[0], WIDTH, HEIGHT)
        self.guest.display_info()
        monitor.close()

    def save(self, monitor):
        """For devices that can be migrated."""


class Gl(Flushes, EmbeddedCase):
    def start_device(self, screen, *arguments, display):
        return self.start(screen, *arguments, display=display)

    def make_guest(self):
        return self.qemu.guest()


class Memory(Flushes, EmbeddedCase):
    def start_device(self, screen, *arguments, display):
        return self.start(screen, *arguments, *MemoryGuest.ARGUMENTS, device=MemoryGuest.DEVICE, display=display,
                          preload=MemoryGuest.PRELOAD)

    def make_guest(self):
        return self.qemu.guest(MemoryGuest)

    def save(self, monitor):
        monitor.execute("migrate", uri="file:%s/state" % self.folder)

        def ended():
            status = monitor.execute("query-migrate").get("status")
            return status if status in ("completed", "failed") else None
        self.assertEqual(until(ended, "the end of the migration"), "completed")


class Viewer(EmbeddedCase):
    """-display dbus: the viewer's reply is the end of a flush."""

    def test_flush_is_answered_when_the_viewer_replies(self):
        screen = self.open_screen()
        qemu = self.start(screen, "-trace", "virtio_gpu_flush_*", backend="dbus", display=",gl=on,p2p=on")
        guest = qemu.guest()
        self.draw_all(guest)
        viewer = subprocess.Popen([os.path.join(BUILD, "tools/viaduct/viaduct"), "view", "--qmp",
                                   self.folder + "/qmp"], env={**os.environ, "WAYLAND_DISPLAY": self.socket})
        self.addCleanup(viewer.wait)
        self.addCleanup(viewer.kill)
        screen.wait("frame .*")

        def flip(fence, resource):
            guest.scan_out(resource, WIDTH, HEIGHT)
            guest.send_fenced_flush(resource, WIDTH, HEIGHT, fence, slot=SLOT)
            guest.answer(SLOT)
            return until(lambda: re.findall(r"flush_answered fence %#x, \d+ ns, (\w+)" % fence, qemu.log()),
                         "the answer in the trace")
        fences = iter(range(1, TRIES))
        while flip(next(fences), BUFFERS[0]) != ["display"]:
            pass
        viewer.send_signal(signal.SIGSTOP)
        self.assertEqual(flip(next(fences), BUFFERS[1]), ["late"])
        viewer.send_signal(signal.SIGCONT)
        while flip(next(fences), BUFFERS[2]) != ["display"]:
            pass


if __name__ == "__main__":
    run()
