#include "tools/viaduct/expositions.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>

#include "base/log.h"
#include "renderer/settings/metrics_paths.h"
#include "tools/viaduct/claims.h"
#include "tools/viaduct/fetch.h"

namespace viaduct::tool {

namespace {

constexpr size_t kMostSockets = 256;

// PID.metrics; 0: it is called otherwise.
pid_t pid_in_name(const std::filesystem::path& path) {
    const std::string digits = path.stem();
    pid_t pid = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
    return parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size() ? pid : 0;
}

// Of a VMM that was killed. A socket may refuse although its process lives: between bind() and
// listen() it does.
void remove_if_abandoned(const std::string& path) {
    const pid_t pid = pid_in_name(path);
    struct stat info {};
    const bool is_dead = pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH;
    if (is_dead && ::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode))
        ::unlink(path.c_str());
}

bool is_number(const std::string& name) {
    return !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
}

// Each user's own below it, too (metrics_paths.h).
std::vector<std::filesystem::path> with_folders_of_users(const std::string& folder) {
    std::vector<std::filesystem::path> folders{folder};
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error))
        if (is_number(entry.path().filename()) && !entry.is_symlink(error) &&
            entry.is_directory(error))
            folders.push_back(entry.path());
    return folders;
}

// A link would lead root to a socket that the folder's user must not talk to.
bool may_be_asked(const std::filesystem::directory_entry& entry) {
    std::error_code error;
    return entry.path().extension() == ".metrics" &&
           entry.symlink_status(error).type() == std::filesystem::file_type::socket;
}

void find_sockets(const std::filesystem::path& folder, std::vector<std::string>& paths,
                  std::vector<std::string>& notes) {
    size_t left = kMostSockets;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (!may_be_asked(entry)) continue;
        if (left == 0) {
            notes.push_back(fmt::format("{} has more than {} sockets; the others are left out",
                                        printable(folder.native()), kMostSockets));
            return;
        }
        --left;
        paths.push_back(entry.path());
    }
}

void add_claims(const Fetched& fetched, const Speaker& speaker, Expositions& all) {
    Claims claims = own_claims(*fetched.body, speaker);
    all.texts.push_back(std::move(claims.text));
    if (claims.foreign > 0)
        all.notes.push_back(
            fmt::format("{}: process {} reports figures of another process (left out: {})",
                        printable(fetched.path), speaker.pid, claims.foreign));
}

void add_found(const Fetched& fetched, Expositions& all) {
    if (!fetched.body) {
        const int error = fetched.body.error().code;
        if (error == ECONNREFUSED) remove_if_abandoned(fetched.path);
        // Gone meanwhile, or another user's.
        if (error != ECONNREFUSED && error != ENOENT && error != EACCES && error != EPERM)
            all.notes.push_back(fetched.body.error().message);
    } else if (fetched.pid == 0) {
        all.notes.push_back(
            fmt::format("{}: left out, because its process is in another PID namespace; use "
                        "--socket to show it",
                        printable(fetched.path)));
    } else {
        add_claims(fetched, speaker_of(fetched.pid), all);
    }
}

}  // namespace

Result<Expositions> fetch_expositions(const std::string& path, const Environment& environment) {
    Expositions all;
    if (!path.empty()) {
        const Fetched fetched = std::move(fetch({path}).front());
        if (!fetched.body) return tl::unexpected(fetched.body.error());
        add_claims(fetched, fetched.pid > 0 ? speaker_of(fetched.pid) : Speaker{}, all);
        return all;
    }
    std::vector<std::string> paths;
    for (const std::string& folder : metrics_folders(environment))
        for (const auto& each : with_folders_of_users(folder)) find_sockets(each, paths, all.notes);
    for (const Fetched& fetched : fetch(paths)) add_found(fetched, all);
    return all;
}

}  // namespace viaduct::tool
