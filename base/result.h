// Result<T>: a value or an Error. The one error type of the project.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace viaduct {

/// A failure: a positive errno for the caller's ABI and one sentence, with the values
/// involved, for the log.
struct Error {
    int code = EIO;
    std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

/// Builds the error side of a Result: `return fail(EINVAL, "size {} is 0", size);`
template <typename... Args>
tl::unexpected<Error> fail(int code, fmt::format_string<Args...> text, Args&&... args) {
    return tl::unexpected(Error{code, fmt::format(text, std::forward<Args>(args)...)});
}

}  // namespace viaduct
