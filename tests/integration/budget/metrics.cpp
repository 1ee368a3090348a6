#include "tests/integration/budget/metrics.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string_view>

#include "base/unique_fd.h"

namespace viaduct::test {

namespace {

std::string ask(const std::string& path) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
        return {};
    constexpr std::string_view kRequest = "GET /metrics HTTP/1.0\r\n\r\n";
    if (::send(socket.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) return {};
    std::string answer;
    char bytes[4096];
    ssize_t size = 0;
    while ((size = ::recv(socket.get(), bytes, sizeof(bytes), 0)) > 0)
        answer.append(bytes, static_cast<size_t>(size));
    return answer;
}

}  // namespace

Samples read_metrics(const std::string& path) {
    Samples samples;
    std::istringstream lines(ask(path));
    for (std::string line; std::getline(lines, line);) {
        const size_t space = line.rfind(' ');
        if (line.starts_with("viaduct_") && space != std::string::npos)
            samples[line.substr(0, space)] = std::strtod(line.c_str() + space, nullptr);
    }
    return samples;
}

double sum_of(const Samples& samples, const std::string& name, const std::string& label) {
    double sum = 0;
    for (const auto& [key, value] : samples)
        if (key.starts_with(name + "{") && key.find(label) != std::string::npos) sum += value;
    return sum;
}

}  // namespace viaduct::test
