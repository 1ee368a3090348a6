// Landlock: a second lock on the file system, behind the filter and the empty root.
#pragma once

namespace viaduct::jail {

/// Denies this process whatever opens, makes, changes or removes a file by its path, for good; what
/// is open stays usable. Does nothing on a kernel without Landlock (Linux 5.13; docs/security.md
/// has what it adds). no_new_privs must be set.
void enter_landlock();

}  // namespace viaduct::jail
