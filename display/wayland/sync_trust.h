// SyncTrust: whether compositors have taken our timelines so far.
#pragma once

#include <atomic>
#include <memory>

namespace viaduct::wayland {

/// A compositor that cannot import a timeline ends the whole connection: its GPU may be another, or
/// its kernel an older one. The windows after that one do without explicit synchronisation, for as
/// long as the process lives. Thread-safe.
class SyncTrust {
  public:
    bool given() const { return given_; }
    /// False: it had been withdrawn before.
    bool withdraw() { return given_.exchange(false); }
    /// The one that all windows of the process share.
    static std::shared_ptr<SyncTrust> of_process() {
        static const auto trust = std::make_shared<SyncTrust>();
        return trust;
    }

  private:
    std::atomic<bool> given_ = true;
};

}  // namespace viaduct::wayland
