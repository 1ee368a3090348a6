// Telling the front what the filter refuses: without it a call that a newer library makes would
// fail in silence.
#pragma once

#include "base/result.h"

namespace viaduct::jail {

/// The filter answers with a signal, whose handler gives EPERM back, where we know how to do that.
/// The thread sanitizer blocks signals in threads of its own and around fork().
#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(__SANITIZE_THREAD__)
inline constexpr bool kReportsRefusals = true;
#else
inline constexpr bool kReportsRefusals = false;
#endif

/// From now on one line for each kind of refused call goes to `socket` (a transport::Reply).
Status report_refusals(int socket);

}  // namespace viaduct::jail
