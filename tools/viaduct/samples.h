// The figures of running VMMs, as their sockets serve them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "blob/result.h"

namespace viaduct::tool {

/// One line of Prometheus' text format.
struct Sample {
    std::string name;
    std::map<std::string, std::string> labels;
    double value = 0;
};

/// The sample lines of `text`; what makes no sense is left out.
std::vector<Sample> parse_samples(std::string_view text);

/// Several texts as one: samples of one family behind its HELP and TYPE, which come once.
std::string merge_expositions(const std::vector<std::string>& texts);

/// Asks the socket at `path`. ECONNREFUSED: nobody is there any more.
Result<std::string> fetch_exposition(const std::string& path);

/// The texts of all VMMs whose sockets can be found, or of the socket at `path` alone if it is not
/// empty. Sockets that nobody listens at are removed, if they may be.
Result<std::vector<std::string>> fetch_all(const std::string& path);

}  // namespace viaduct::tool
