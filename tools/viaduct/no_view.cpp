// viaduct view, in a build without it.
#include <fmt/format.h>

#include "tools/viaduct/command.h"

namespace viaduct::tool {

void add_view(CLI::App& app, int& status) {
    CLI::App* command = app.add_subcommand("view", "The screen of a VM, in a window");
    command->allow_extras();
    command->callback([&status] {
        fmt::print(stderr,
                   "viaduct view: this build has no viewer; it needs libwayland-dev, "
                   "libsystemd-dev, libxkbcommon-dev and libpng-dev\n");
        status = 1;
    });
}

}  // namespace viaduct::tool
