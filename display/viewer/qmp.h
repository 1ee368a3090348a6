// A connection to QEMU's D-Bus display without a bus, by way of its monitor.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace viaduct::viewer {

/// Hands QEMU one end of a new socket through its QMP monitor (a UNIX socket at `path`), for
/// `-display dbus,p2p=on`, and returns the other. Waits for QEMU, up to two seconds each time.
/// Errors are QEMU's own sentence where it has one.
Result<UniqueFd> connect_through_qmp(const std::string& path);

}  // namespace viaduct::viewer
