// viaduct: looks at the host, and at the VMs that use its GPU.
#include "tools/viaduct/command.h"

int main(int count, char** arguments) {
    CLI::App app("Inspects virtio-gpu native contexts on this host.", "viaduct");
    app.require_subcommand(1);
    int status = 0;
    viaduct::tool::add_doctor(app, status);
    viaduct::tool::add_top(app, status);
    viaduct::tool::add_stats(app, status);
    viaduct::tool::add_profiles(app, status);
    viaduct::tool::add_record(app, status);
    viaduct::tool::add_replay(app, status);
    viaduct::tool::add_view(app, status);
    CLI11_PARSE(app, count, arguments);
    return status;
}
