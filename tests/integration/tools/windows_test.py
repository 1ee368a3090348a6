#!/usr/bin/env python3
"""bench/display/windows: what it reads from a compositor's log and from /proc, and its tables."""

import os
import sys
import unittest

from common import ROOT, load

sys.path.insert(0, os.path.join(ROOT, "bench/display"))
windows = load("../bench/display/windows")
from processor_time import ProcessorTime  # noqa: E402
from sway import events_in, frame_times  # noqa: E402

LOG = """[12:58:50.100000] zwp_virtual_keyboard_v1#6.key(801459, 30, 1)
[12:58:50.100500]  -> wl_keyboard#42.key(13, 801459, 30, 1)
[12:58:50.101000] wl_surface#23.commit()
[12:58:50.102000] wl_surface#7.attach(wl_buffer#9, 0, 0)
[12:58:50.102100] wl_surface#7.commit()
[12:58:50.103000] wl_surface#23.attach(wl_buffer#41, 0, 0)
[12:58:50.103200] wl_surface#23.damage(0, 0, 1920, 1080)
[12:58:50.103500] wl_surface#23.commit()
[12:58:50.200000] wl_surface#23.attach(nil, 0, 0)
[12:58:50.200100] wl_surface#23.commit()
00:00:03.753 [ERROR] [wlr] something else
"""


class Windows(unittest.TestCase):
    def test_frames_are_commits_of_a_buffer_to_the_window(self):
        events = events_in(LOG)
        self.assertEqual(len(events), 10)
        pressed = events[0]
        self.assertEqual(pressed[1:], ("zwp_virtual_keyboard_v1#6", "key", "801459, 30, 1"))
        times = frame_times(events, "wl_surface#23")
        self.assertEqual(len(times), 1)
        self.assertAlmostEqual(times[0] - pressed[0], 3.5, 3)

    def test_processor_time_is_that_of_each_thread(self):
        before = ProcessorTime(10.0, {"gl": 4.0})
        spent = ProcessorTime(30.0, {"gl": 6.0, "new": 8.0}).since(before).each_of(10)
        self.assertAlmostEqual(spent.main, 2.0)
        self.assertAlmostEqual(spent.rest, 1.0)
        self.assertAlmostEqual(spent.all, 3.0)
        self.assertAlmostEqual(spent.plus(before).all, 17.0)
        mine = ProcessorTime.of(os.getpid())
        self.assertGreater(mine.main, 0)

    def test_tables_have_medians_of_the_rounds(self):
        def round_of(main, viewer, keys):
            return windows.Result(ProcessorTime(main, {"gl": 0.5}), viewer and ProcessorTime(viewer), 250, keys)
        results = {"gtk": {"blobs": [round_of(main, None, [5.0] * 10) for main in (1.0, 9.0, 2.0)]},
                   "view": {"blobs": [round_of(0.25, viewer, [1.0] * 9 + [3.0]) for viewer in (0.5, 0.75, 0.5)]}}
        self.assertEqual([row[1:] for row in windows.cost_table(results, "blobs")[1:]],
                         [["2.00", "0.50", "–", "2.50", "250"], ["0.25", "0.50", "0.50", "1.25", "250"]])
        self.assertEqual([row[1:] for row in windows.key_table(results, ["blobs"])[1:]],
                         [["5.00", "5.00"], ["1.00", "2.80"]])


if __name__ == "__main__":
    unittest.main()
