// Finding: one thing that `viaduct doctor` found out.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace viaduct::tool {

enum class Verdict { kOk, kWarn, kFail };

struct Finding {
    Verdict verdict = Verdict::kOk;
    std::string text;  // one sentence: what was found
    std::string fix;   // what to do about it, in one line; empty if nothing
};
using Findings = std::vector<Finding>;

inline Finding ok(std::string text) {
    return {Verdict::kOk, std::move(text), {}};
}
inline Finding warn(std::string text, std::string fix) {
    return {Verdict::kWarn, std::move(text), std::move(fix)};
}
inline Finding bad(std::string text, std::string fix) {
    return {Verdict::kFail, std::move(text), std::move(fix)};
}

/// The text's first line.
inline std::string first_line(std::string text) {
    text.resize(std::min(text.find('\n'), text.size()));
    return text;
}

}  // namespace viaduct::tool
