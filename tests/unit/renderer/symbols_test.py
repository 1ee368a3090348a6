#!/usr/bin/env python3
"""The library exports exactly the names that VMMs look up, under the right SONAME, and docs/abi.md
tells of those that no release has."""
import pathlib
import re
import subprocess
import sys

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "abi.md"

EXPECTED = """
attach_fence cleanup context_create context_create_fence context_create_with_flags
context_destroy context_get_poll_fd context_poll create_fence ctx_attach_resource
ctx_detach_resource execute export_fence export_signalled_fence fill_caps force_ctx_0
get_cap_set get_cursor_data get_dev_fd get_fd_for_texture get_fd_for_texture2 get_fence_fd
get_poll_fd get_rect init poll reset resource_attach_iov resource_create resource_create_blob
resource_detach_iov resource_export_blob resource_get_info resource_get_info_ext
resource_get_map_info resource_get_priv resource_import_blob resource_import_eglimage
resource_map resource_map2 resource_map_fixed resource_set_guest_dmabuf resource_set_priv
resource_unmap resource_unref submit_cmd submit_cmd2 transfer_read_iov transfer_write_iov
""".split()
SETTERS = {"virgl_set_log_callback", "virgl_set_debug_callback"}
OF_NO_RELEASE = {"virgl_renderer_resource_map2", "virgl_renderer_resource_set_guest_dmabuf"}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def problems_of_the_page(found):
    """Names that no release has: the page's table against the library."""
    rows = dict(re.findall(r"^\| `(virgl_\w+)` \|[^|]*\| (exported|absent) \|", PAGE.read_text(),
                           re.MULTILINE))
    problems = [f"not in docs/abi.md: {name}" for name in sorted(OF_NO_RELEASE - rows.keys())]
    for name, state in rows.items():
        if (state == "exported") != (name in found):
            problems.append(f"docs/abi.md: {name} is not {state}")
    return problems


def main(library):
    expected = {f"virgl_renderer_{name}" for name in EXPECTED} | SETTERS
    assert len(expected - OF_NO_RELEASE) == 49, len(expected)
    lines = run("nm", "-D", "--defined-only", library).splitlines()
    found = {line.split()[-1] for line in lines}  # a version would show as name@VERSION
    problems = [f"missing: {n}" for n in sorted(expected - found)]
    problems += [f"not in the interface: {n}" for n in sorted(found - expected)]
    problems += problems_of_the_page(found)
    if "Library soname: [libvirglrenderer.so.1]" not in run("readelf", "-d", library):
        problems.append("SONAME is not libvirglrenderer.so.1")
    print("\n".join(problems) or f"{len(found)} names, as expected")
    return 1 if problems else 0


sys.exit(main(sys.argv[1]))
