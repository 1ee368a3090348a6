// The name of this process's virtual machine.
#pragma once

#include <string>
#include <string_view>

namespace viaduct {

/// $VIADUCT_VM_NAME, else the name on the VMM's command line, else "program-pid".
std::string vm_name();

/// The name that a command line (/proc/PID/cmdline: arguments with a NUL behind each) gives its VM:
/// QEMU's -name NAME and -name guest=NAME,...; crosvm's and others' --name NAME and --name=NAME.
/// Empty if there is none.
std::string name_on_command_line(std::string_view cmdline);

}  // namespace viaduct
