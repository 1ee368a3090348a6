#include "renderer/settings/profiles.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "base/unique_fd.h"

namespace viaduct {

namespace {

constexpr char kSystemDirectory[] = "/etc";  // on every host, but not in every jail
constexpr char kSystemFile[] = "/etc/viaduct/profiles.toml";
constexpr std::string_view kNoFile = "none";  // of VIADUCT_PROFILES
constexpr std::string_view kFileName = "/viaduct/profiles.toml";
constexpr size_t kMaxFile = 1 << 20;  // bytes

// A value as one would write it into the environment; nothing for what has no such form.
std::optional<std::string> text_of(const toml::node& node) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
    const auto* table = node.as_table();
    if (!table) return std::nullopt;
    std::string list;  // queues = { gfx = 1, video = 0 }
    for (const auto& [key, value] : *table) {
        const auto text = value.is_table() ? std::nullopt : text_of(value);
        if (!text) return std::nullopt;
        list += fmt::format("{}{}={}", list.empty() ? "" : ",", key.str(), *text);
    }
    return list;
}

class Reader {
  public:
    explicit Reader(const std::string& path) : path_(path) {}

    Result<Profiles> read(const toml::table& root) {
        Profiles profiles = built_in_profiles();
        profiles.path = path_;
        for (const auto& [key, node] : root) {
            Status status;
            if (key == "default" && node.is_string())
                profiles.default_name = node.as_string()->get();
            else if (key == "profile" && node.is_table())
                status = read_all(*node.as_table(), profiles);
            else
                status = complain(node,
                                  "unknown key {}; define profiles as tables "
                                  "[profile.NAME] and choose one with default = \"NAME\"",
                                  std::string(key.str()));
            if (!status) return tl::unexpected(status.error());
        }
        if (!profiles.find(profiles.default_name))
            return complain(*root.get("default"),
                            "profile \"{}\" is not defined; add "
                            "[profile.{}] or choose another default",
                            profiles.default_name, profiles.default_name);
        return profiles;
    }

  private:
    template <typename... Args>
    tl::unexpected<Error> complain(const toml::node& node, fmt::format_string<Args...> text,
                                   Args&&... args) {
        return tl::unexpected(
            Error{EINVAL, fmt::format("{}:{}: {}", path_, node.source().begin.line,
                                      fmt::format(text, std::forward<Args>(args)...))});
    }

    Status read_all(const toml::table& tables, Profiles& profiles) {
        for (const auto& [name, node] : tables) {
            if (!node.is_table())
                return complain(node, "profile.{0} is not a table; begin it with [profile.{0}]",
                                std::string(name.str()));
            Budget budget;
            budget.profile = name.str();
            if (auto status = read_one(*node.as_table(), budget); !status) return status;
            std::erase_if(profiles.profiles,
                          [&](const Budget& other) { return other.profile == budget.profile; });
            profiles.profiles.push_back(std::move(budget));
        }
        return {};
    }

    Status read_one(const toml::table& table, Budget& budget) {
        for (const auto& [key, node] : table) {
            if (key == "description" && node.is_string()) {
                budget.description = node.as_string()->get();
                continue;
            }
            const auto keys = budget_keys();
            const auto found =
                std::ranges::find(keys, std::string_view(key.str()), &BudgetKey::key);
            if (found == keys.end())
                return complain(node, "unknown limit {}; use one of {}", std::string(key.str()),
                                known_keys());
            const auto text = text_of(node);
            if (!text)
                return complain(node, "{} is neither a number nor a string",
                                std::string(key.str()));
            if (auto status = found->set(budget, *text); !status)
                return complain(node, "{} = \"{}\" {}", std::string(key.str()), *text,
                                status.error().message);
        }
        return {};
    }

    static std::string known_keys() {
        std::string names = "description";
        for (const BudgetKey& row : budget_keys()) names += fmt::format(", {}", row.key);
        return names;
    }

    const std::string& path_;
};

Result<std::string> read_file(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail(errno, "{} cannot be read: {}", path, std::strerror(errno));
    std::string text;
    char bytes[4096];
    ssize_t size = 0;
    while ((size = ::read(fd.get(), bytes, sizeof(bytes))) > 0) {
        text.append(bytes, static_cast<size_t>(size));
        if (text.size() > kMaxFile) return fail(EFBIG, "{} is larger than 1 MiB", path);
    }
    if (size < 0) return fail(errno, "{} cannot be read: {}", path, std::strerror(errno));
    return text;
}

const char* value_of(const Environment& environment, const char* name) {
    const char* text = environment(name);
    return text && *text ? text : nullptr;
}

// The user's own file; empty if the environment names no place for it.
std::string user_path(const Environment& environment) {
    if (const char* config = value_of(environment, "XDG_CONFIG_HOME"))
        return std::string(config).append(kFileName);
    if (const char* home = value_of(environment, "HOME"))
        return std::string(home).append("/.config").append(kFileName);
    return {};
}

bool exists(const std::string& path) {
    return !path.empty() && ::access(path.c_str(), F_OK) == 0;
}

// An empty path: the host has no such file. A file that this process cannot see may have limits, so
// the answer is an error then: of a monitor that jailed itself before it called the library
// (crosvm), or whose user may not search the directory.
Result<std::string> system_path() {
    if (exists(kSystemFile)) return std::string(kSystemFile);
    const int error = errno;
    if (error != ENOENT && error != ENOTDIR)
        return fail(error, "{} cannot be looked for: {}", kSystemFile, std::strerror(error));
    if (!exists(kSystemDirectory))
        return fail(ENOENT,
                    "this process has no {}, so the limits in {} are out of its sight; let "
                    "VIADUCT_PROFILES name a file that it can read, or set VIADUCT_PROFILES={} if "
                    "the limits in the environment are all there are",
                    kSystemDirectory, kSystemFile, kNoFile);
    return std::string();
}

Result<std::string> find_file(const Environment& environment) {
    if (const char* wanted = value_of(environment, "VIADUCT_PROFILES"))
        return wanted == kNoFile ? std::string() : std::string(wanted);
    if (std::string path = user_path(environment); exists(path)) return path;
    return system_path();
}

}  // namespace

const Budget* Profiles::find(std::string_view name) const {
    const auto found = std::ranges::find(profiles, name, &Budget::profile);
    return found == profiles.end() ? nullptr : &*found;
}

Profiles built_in_profiles() {
    Profiles profiles;
    Budget unlimited;
    unlimited.description = "the whole GPU, at normal priority";
    profiles.default_name = unlimited.profile;
    profiles.profiles.push_back(std::move(unlimited));
    return profiles;
}

Result<Profiles> parse_profiles(std::string_view text, const std::string& path) {
    const toml::parse_result parsed = toml::parse(text, path);
    if (!parsed) {
        const toml::parse_error& error = parsed.error();
        return fail(EINVAL, "{}:{}: {}; see https://toml.io for the format", path,
                    error.source().begin.line, error.description());
    }
    return Reader(path).read(parsed.table());
}

const char* process_environment(const char* name) {
    return ::secure_getenv(name);
}

Result<Profiles> load_profiles(const Environment& environment) {
    const auto path = find_file(environment);
    if (!path) return tl::unexpected(path.error());
    if (path->empty()) return built_in_profiles();
    auto text = read_file(*path);
    if (!text) return tl::unexpected(text.error());
    return parse_profiles(*text, *path);
}

Result<Budget> choose_budget(const Profiles& profiles, const Environment& environment) {
    const char* wanted = value_of(environment, "VIADUCT_PROFILE");
    const Budget* profile = profiles.find(wanted ? wanted : profiles.default_name);
    if (!profile)
        return fail(EINVAL,
                    "VIADUCT_PROFILE=\"{}\" is not defined in {}; `viaduct profiles` lists "
                    "the profiles",
                    wanted, profiles.path.empty() ? "the library" : profiles.path);
    Budget budget = *profile;
    for (const BudgetKey& row : budget_keys()) {
        const std::string variable(row.variable);
        const char* text = value_of(environment, variable.c_str());
        if (!text) continue;
        if (auto status = row.set(budget, text); !status)
            return fail(EINVAL, "{}=\"{}\" {}", variable, text, status.error().message);
    }
    return budget;
}

Result<Budget> load_budget(const Environment& environment) {
    auto profiles = load_profiles(environment);
    if (!profiles) return tl::unexpected(profiles.error());
    return choose_budget(*profiles, environment);
}

}  // namespace viaduct
