#include "tools/viaduct/claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tools/viaduct/samples.h"

namespace viaduct::tool {

namespace {

// Control characters steer a terminal. There are more of them beyond ASCII: C1, and those that
// change the direction of text.
std::string plain(std::string_view text) {
    std::string out(text);
    std::ranges::replace_if(
        out, [](char c) { return (c < ' ' || c > '~') && c != '\n'; }, '?');
    return out;
}

std::string pid_label(pid_t pid) {
    return fmt::format("pid=\"{}\"", pid);
}

// Quotes within a label's value are escaped: this text can only be the label.
std::string with_pid(std::string_view line, pid_t from, pid_t to) {
    const std::string label = pid_label(from);
    std::string out(line);
    for (const char before : {'{', ','})
        if (const size_t at = out.find(before + label); at != std::string::npos)
            out.replace(at + 1, label.size(), pid_label(to));
    return out;
}

}  // namespace

Speaker speaker_of(pid_t pid) {
    Speaker speaker{pid, pid};
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);) {
        if (!line.starts_with("NSpid:")) continue;
        std::istringstream pids(line.substr(line.find(':') + 1));
        for (pid_t inner = 0; pids >> inner;) speaker.own_pid = inner;  // the innermost is last
    }
    return speaker;
}

Claims own_claims(std::string_view text, const Speaker& speaker) {
    Claims claims;
    for_each_line(plain(text), [&](std::string_view line) {
        if (line.starts_with("#")) {
            claims.text.append(line).append("\n");
            return;
        }
        const auto samples = parse_samples(line);
        if (samples.empty()) return;
        const auto pid = samples.front().labels.find("pid");
        const bool own =
            pid != samples.front().labels.end() && pid->second == std::to_string(speaker.own_pid);
        if (speaker.pid == 0)
            claims.text.append(line).append("\n");
        else if (own)
            claims.text.append(with_pid(line, speaker.own_pid, speaker.pid)).append("\n");
        else
            ++claims.foreign;
    });
    return claims;
}

}  // namespace viaduct::tool
