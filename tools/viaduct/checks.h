// The checks of `viaduct doctor`.
#pragma once

#include <span>

#include "tools/viaduct/findings.h"
#include "tools/viaduct/host_view.h"

namespace viaduct::tool {

struct Check {
    const char* name;
    /// May find several things, one line each; always at least one.
    Findings (*run)(const HostView& host);
};
std::span<const Check> checks();

// checks_gpu.cpp: the cards, and the kernel's driver of them.
Findings check_gpu(const HostView& host);
Findings check_choice(const HostView& host);
Findings check_permission(const HostView& host);
Findings check_bar(const HostView& host);
Findings check_power(const HostView& host);
Findings check_lockup(const HostView& host);

// checks_vmm.cpp: the machine monitors that run now.
Findings check_library(const HostView& host);
Findings check_guest_pat(const HostView& host);
Findings check_hostmem(const HostView& host);
Findings check_open_files(const HostView& host);
Findings check_firmware(const HostView& host);
Findings check_suspend(const HostView& host);

// checks_guest.cpp: this machine as a guest.
Findings check_guest(const HostView& host);

// checks_xen.cpp: Xen below this machine.
/// True in dom0, whose QEMUs serve the other domains.
bool is_dom0(const HostView& host);
Findings check_xen(const HostView& host);

}  // namespace viaduct::tool
