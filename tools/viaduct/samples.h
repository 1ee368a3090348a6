// Prometheus' text format, as VMMs write it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace viaduct::tool {

/// One line of Prometheus' text format.
struct Sample {
    std::string name;
    std::map<std::string, std::string> labels;
    double value = 0;
};

/// The sample lines of `text`. Those that are malformed are left out, as are values that are not
/// finite.
std::vector<Sample> parse_samples(std::string_view text);

/// Several texts as one: samples of one family behind its HELP and TYPE, which come once.
std::string merge_expositions(const std::vector<std::string>& texts);

/// Calls visit(line) for each line, without its newline.
template <typename Visit>
void for_each_line(std::string_view text, Visit visit) {
    while (!text.empty()) {
        const size_t end = text.find('\n');
        visit(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

}  // namespace viaduct::tool
