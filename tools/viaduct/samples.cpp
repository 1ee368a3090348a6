#include "tools/viaduct/samples.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace viaduct::tool {

namespace {

// Counters end at 2^64. Infinity and NaN, which sums of larger values could give, would break the
// order that tables are sorted by.
constexpr double kMostValue = 1e20;

bool is_name(std::string_view text) {
    const auto may_stand = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    return !text.empty() && !(text.front() >= '0' && text.front() <= '9') &&
           std::ranges::all_of(text, may_stand);
}

// A label's value up to the closing quote, which is left. \n, the third escape, is never ours.
bool parse_value(std::string_view& text, std::string& value) {
    for (; !text.empty() && text.front() != '"'; text.remove_prefix(1)) {
        if (text.front() == '\\') {
            text.remove_prefix(1);
            if (!text.starts_with('\\') && !text.starts_with('"')) return false;
        }
        value += text.front();
    }
    return !text.empty();
}

// name="value",... up to the closing brace, which is left; false if it is something else.
bool parse_labels(std::string_view& text, std::map<std::string, std::string>& labels) {
    while (!text.empty() && text.front() != '}') {
        const size_t equals = text.find("=\"");
        if (equals == std::string_view::npos) return false;
        const auto [label, is_new] = labels.try_emplace(std::string(text.substr(0, equals)));
        text.remove_prefix(equals + 2);
        if (!is_new || !is_name(label->first) || !parse_value(text, label->second)) return false;
        text.remove_prefix(1);
        if (text.starts_with(',')) text.remove_prefix(1);
    }
    return !text.empty();
}

bool parse_line(std::string_view line, Sample& sample) {
    const size_t brace = line.find('{');
    sample.name = line.substr(0, brace);
    if (brace == std::string_view::npos || !is_name(sample.name)) return false;
    line.remove_prefix(brace + 1);
    if (!parse_labels(line, sample.labels) || !line.starts_with("} ")) return false;
    line.remove_prefix(2);
    const char* const end = line.data() + line.size();
    const auto parsed = std::from_chars(line.data(), end, sample.value);
    return parsed.ec == std::errc() && parsed.ptr == end && std::abs(sample.value) <= kMostValue;
}

}  // namespace

std::vector<Sample> parse_samples(std::string_view text) {
    std::vector<Sample> samples;
    for_each_line(text, [&](std::string_view line) {
        Sample sample;
        if (parse_line(line, sample)) samples.push_back(std::move(sample));
    });
    return samples;
}

std::string merge_expositions(const std::vector<std::string>& texts) {
    constexpr std::string_view kHelp = "# HELP ";
    std::vector<std::string> order;
    std::map<std::string, std::pair<std::string, std::string>> families;  // comments, samples
    for (const std::string& text : texts) {
        std::pair<std::string, std::string>* family = nullptr;
        bool first = false;
        for_each_line(text, [&](std::string_view line) {
            if (line.starts_with(kHelp)) {
                std::string name(line.substr(kHelp.size()));
                name.resize(std::min(name.find(' '), name.size()));
                first = !families.contains(name);
                if (first) order.push_back(name);
                family = &families[name];
            }
            if (!family || line.empty() || (line.front() == '#' && !first)) return;
            (line.front() == '#' ? family->first : family->second).append(line).append("\n");
        });
    }
    std::string merged;
    for (const std::string& name : order) merged += families[name].first + families[name].second;
    return merged;
}

}  // namespace viaduct::tool
