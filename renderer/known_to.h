// KnownTo: the contexts that hold an object for a resource.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

namespace viaduct {

struct Context;

/// Native contexts, each once. add() drops those that have ended, so that a resource which many
/// contexts attach in turn stays cheap. Not thread-safe.
class KnownTo {
  public:
    bool contains(const std::shared_ptr<Context>& context) const {
        return std::ranges::any_of(contexts_,
                                   [&](const auto& other) { return same_owner(other, context); });
    }
    /// `context` is not among them.
    void add(const std::shared_ptr<Context>& context) {
        std::erase_if(contexts_, [](const auto& other) { return other.expired(); });
        contexts_.push_back(context);
    }
    void remove(const std::shared_ptr<Context>& context) {
        std::erase_if(contexts_, [&](const auto& other) { return same_owner(other, context); });
    }
    template <typename Visit>
    void for_each(Visit visit) const {
        for (const auto& weak : contexts_)
            if (const auto context = weak.lock()) visit(*context);
    }
    /// Includes contexts that have ended.
    size_t size() const { return contexts_.size(); }

  private:
    static bool same_owner(const std::weak_ptr<Context>& one,
                           const std::shared_ptr<Context>& other) {
        return !one.owner_before(other) && !other.owner_before(one);
    }

    std::vector<std::weak_ptr<Context>> contexts_;
};

}  // namespace viaduct
