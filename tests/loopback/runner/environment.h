// Where this build's files are, and the environments of the processes that are started.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/loopback/runner/options.h"

namespace viaduct::loopback {

/// A file of this build, by its path below the build folder.
std::string build_file(const std::string& relative);

/// The path of the library to load: --library, or this build's.
std::string library_path(const Options& options);

/// Variables to set, over what the environment has.
using Variables = std::map<std::string, std::string>;
Variables server_variables(const Options& options);
/// `sockets`: of the servers, one for each device that the command sees.
Variables command_variables(const Options& options, const std::vector<std::string>& sockets);

/// ENOENT if a file that is to be loaded or preloaded is not there: the loader would only warn.
Status check_files(const Options& options);

}  // namespace viaduct::loopback
