// viaduct doctor: what works on this host, what does not, and what to do about it.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "tools/viaduct/checks.h"
#include "tools/viaduct/command.h"

namespace viaduct::tool {

namespace {

constexpr const char* kVerdicts[] = {"ok", "warn", "fail"};

int run(bool json) {
    const HostView host = this_host();
    nlohmann::json list = nlohmann::json::array();
    bool failed = false;
    for (const Check& check : checks()) {
        for (const Finding& finding : check.run(host)) {
            const char* verdict = kVerdicts[static_cast<size_t>(finding.verdict)];
            failed = failed || finding.verdict == Verdict::kFail;
            if (json) {
                list.push_back({{"check", check.name},
                                {"verdict", verdict},
                                {"text", finding.text},
                                {"fix", finding.fix}});
                continue;
            }
            fmt::print("{:<5} {:<11} {}\n", verdict, check.name, finding.text);
            if (!finding.fix.empty()) fmt::print("{:<17} -> {}\n", "", finding.fix);
        }
    }
    // Names of other processes may not be UTF-8.
    if (json)
        fmt::print("{}\n", list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return failed ? 1 : 0;
}

}  // namespace

void add_doctor(CLI::App& app, int& status) {
    auto json = std::make_shared<bool>(false);
    CLI::App* command =
        app.add_subcommand("doctor", "What works on this host, what does not, and why");
    command->add_flag("--json", *json, "For machines");
    command->callback([json, &status] { status = run(*json); });
}

}  // namespace viaduct::tool
