#include "tools/viaduct/samples.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "blob/unique_fd.h"
#include "renderer/settings/metrics_paths.h"

namespace viaduct::tool {

namespace {

constexpr size_t kMostBytes = 64 << 20;  // of one answer
constexpr timeval kPatience{2, 0};

// name="value",... up to the closing brace, which is left; false if it is something else.
bool parse_labels(std::string_view& text, std::map<std::string, std::string>& labels) {
    while (!text.empty() && text.front() != '}') {
        const size_t equals = text.find("=\"");
        if (equals == std::string_view::npos) return false;
        std::string& value = labels[std::string(text.substr(0, equals))];
        text.remove_prefix(equals + 2);
        for (; !text.empty() && text.front() != '"'; text.remove_prefix(1)) {
            if (text.front() == '\\' && text.size() > 1) text.remove_prefix(1);
            value += text.front();
        }
        if (text.empty()) return false;
        text.remove_prefix(1);
        if (text.starts_with(',')) text.remove_prefix(1);
    }
    return !text.empty();
}

bool parse_line(std::string_view line, Sample& sample) {
    const size_t brace = line.find('{');
    if (line.starts_with('#') || brace == std::string_view::npos) return false;
    sample.name = line.substr(0, brace);
    line.remove_prefix(brace + 1);
    if (!parse_labels(line, sample.labels) || !line.starts_with("} ")) return false;
    line.remove_prefix(2);
    return std::from_chars(line.data(), line.data() + line.size(), sample.value).ec == std::errc();
}

template <typename Visit>
void for_each_line(std::string_view text, Visit visit) {
    while (!text.empty()) {
        const size_t end = text.find('\n');
        visit(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
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

Result<std::string> fetch_exposition(const std::string& path) {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) return fail(ENAMETOOLONG, "{}: too long", path);
    std::memcpy(address.sun_path, path.data(), path.size());
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
        return fail(errno, "{}: {}", path, std::strerror(errno));
    constexpr std::string_view kRequest = "GET /metrics HTTP/1.0\r\n\r\n";
    if (::send(socket.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0)
        return fail(errno, "{}: {}", path, std::strerror(errno));
    std::string answer;
    char bytes[16384];
    ssize_t size = 0;
    while ((size = ::recv(socket.get(), bytes, sizeof(bytes), 0)) > 0 && answer.size() < kMostBytes)
        answer.append(bytes, static_cast<size_t>(size));
    const size_t body = answer.find("\r\n\r\n");
    if (size < 0 || body == std::string::npos)
        return fail(EPROTO, "{}: no metrics come out of it", path);
    return answer.substr(body + 4);
}

Result<std::vector<std::string>> fetch_all(const std::string& path) {
    std::vector<std::string> texts;
    if (!path.empty()) {
        auto text = fetch_exposition(path);
        if (!text) return tl::unexpected(text.error());
        texts.push_back(*std::move(text));
        return texts;
    }
    for (const std::string& folder : metrics_folders(process_environment)) {
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
            if (entry.path().extension() != ".metrics") continue;
            auto text = fetch_exposition(entry.path());
            if (text)
                texts.push_back(*std::move(text));
            else if (text.error().code == ECONNREFUSED)
                ::unlink(entry.path().c_str());  // of a VMM that was killed
        }
    }
    return texts;
}

}  // namespace viaduct::tool
