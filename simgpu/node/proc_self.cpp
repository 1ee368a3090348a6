#include "simgpu/node/proc_self.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "base/unique_fd.h"
#include "simgpu/node/next.h"

namespace simgpu::node {

namespace {

bool eat(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

bool eat_number(std::string_view& text, int& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return true;
}

bool eat_self(std::string_view& text) {
    if (eat(text, "self/") || eat(text, "thread-self/")) return true;
    int process = 0;
    return eat_number(text, process) && process == ::getpid() && eat(text, "/");
}

std::string read_all(int fd) {
    std::string text;
    char buffer[1024];
    ssize_t got = 0;
    while ((got = ::read(fd, buffer, sizeof buffer)) > 0)
        text.append(buffer, static_cast<size_t>(got));
    return text;
}

}  // namespace

std::optional<ProcSelfPath> parse_proc_self(const char* path) {
    std::string_view text(path);
    if (!eat(text, "/proc/") || !eat_self(text)) return std::nullopt;
    ProcSelfPath parsed;
    if (eat(text, "fdinfo/"))
        parsed.kind = ProcSelfPath::Kind::kFdinfo;
    else if (!eat(text, "fd/"))
        return std::nullopt;
    if (!eat_number(text, parsed.fd) || !text.empty()) return std::nullopt;
    return parsed;
}

int open_fdinfo(int fd, OpenFile& file) {
    const auto path = fmt::format("/proc/self/fdinfo/{}", fd);
    const viaduct::UniqueFd real(next::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!real) return -1;
    // The kernel's own lines (pos, flags, mnt_id, ino) come first, as for a real node.
    std::string text = read_all(real.get());
    if (const auto node_file = file.file()) text += node_file->fdinfo();
    viaduct::UniqueFd copy(::memfd_create("fdinfo", MFD_CLOEXEC));
    if (!copy || ::write(copy.get(), text.data(), text.size()) < 0 ||
        ::lseek(copy.get(), 0, SEEK_SET) < 0)
        return -1;
    return copy.release();
}

}  // namespace simgpu::node
