#include "guest-mesa/layer/ioctl_table.h"

namespace viaduct::guest {

void print_ioctl(const char* name, int result) {
    const std::string notes = IoctlNotes::take();
    if (result < 0)
        print_line(fmt::format("{}{} = {} ({})", name, notes, result, std::strerror(-result)));
    else
        print_line(fmt::format("{}{} = {}", name, notes, result));
}

}  // namespace viaduct::guest
