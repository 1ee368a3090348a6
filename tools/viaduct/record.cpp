// viaduct record: starts a command whose VMM records what its VM asks of the GPU.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "renderer/settings/budget.h"
#include "tools/viaduct/command.h"

namespace viaduct::tool {

namespace {

constexpr int kCannotRun = 127;  // a shell's

struct RecordOptions {
    std::string file = "viaduct.recording";
    std::string limit;
    bool no_contents = false;
    std::vector<std::string> command;
};

int fail_with(int status, const std::string& sentence) {
    fmt::print(stderr, "viaduct record: {}\n", sentence);
    return status;
}

int run(const RecordOptions& options) {
    // The VMM refuses too, but goes on: nobody would notice.
    if (::access(options.file.c_str(), F_OK) == 0)
        return fail_with(1, options.file + " exists; remove it, or name another with --output");
    if (!options.limit.empty()) {
        const auto bytes = parse_size(options.limit);
        if (!bytes || *bytes == 0)
            return fail_with(1, fmt::format("--limit {}: use a size such as 512M", options.limit));
        ::setenv("VIADUCT_RECORD_LIMIT", options.limit.c_str(), 1);
    }
    ::setenv("VIADUCT_RECORD", options.file.c_str(), 1);
    ::setenv("VIADUCT_RECORD_CONTENTS", options.no_contents ? "no" : "yes", 1);
    std::vector<char*> arguments;
    for (const std::string& argument : options.command)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments.front(), arguments.data());
    return fail_with(kCannotRun, fmt::format("cannot run {}: {}", options.command.front(),
                                             std::strerror(errno)));
}

}  // namespace

void add_record(CLI::App& app, int& status) {
    auto options = std::make_shared<RecordOptions>();
    CLI::App* command = app.add_subcommand(
        "record", "Runs a VMM, or the loopback, and records what its guest asks of the GPU");
    command->add_option("-o,--output", options->file, "The file to make")->capture_default_str();
    command->add_option("--limit", options->limit, "Its most bytes, such as 512M (1G)");
    command->add_flag("--no-contents", options->no_contents, "Leaves the bytes of buffers out");
    command->add_option("COMMAND", options->command, "The command and its arguments, behind --")
        ->required();
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace viaduct::tool
