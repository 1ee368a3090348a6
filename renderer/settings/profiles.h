// Profiles: named budgets in a TOML file, as mediated devices have named types.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "renderer/settings/budget.h"

namespace viaduct {

struct Profiles {
    std::string path;              // empty: there is no file, the built-in ones only
    std::string default_name;      // used unless another is chosen
    std::vector<Budget> profiles;  // "unlimited" is always among them

    const Budget* find(std::string_view name) const;
};

/// The built-in profiles.
Profiles built_in_profiles();

/// Reads `text`, the content of the file at `path`. EINVAL: one sentence that names file and line,
/// what is wrong and what to write.
Result<Profiles> parse_profiles(std::string_view text, const std::string& path);

/// Returns an environment variable, or null; ::secure_getenv, except in tests.
using Environment = std::function<const char*(const char* name)>;
const char* process_environment(const char* name);

/// Finds and reads the file: $VIADUCT_PROFILES ("none": no file), else the first there is of
/// $XDG_CONFIG_HOME/viaduct/profiles.toml, ~/.config/viaduct/profiles.toml and
/// /etc/viaduct/profiles.toml, else none. Fails if the last one may exist out of this process's
/// sight.
Result<Profiles> load_profiles(const Environment& environment);

/// This VM's budget: the profile that $VIADUCT_PROFILE names, else the default one, with single
/// limits changed by the environment.
Result<Budget> choose_budget(const Profiles& profiles, const Environment& environment);
Result<Budget> load_budget(const Environment& environment);

}  // namespace viaduct
