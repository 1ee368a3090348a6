// OpenNode: one open file of a virtio-gpu node that offers a native context we can play.
#pragma once

#include <drm.h>
#include <drm_mode.h>

#include <memory>
#include <mutex>

#include "base/mutex.h"
#include "guest-mesa/layer/guest_driver.h"
#include "guest-mesa/layer/kernel.h"
#include "wire/capset.h"

namespace viaduct::guest {

/// Answers the ioctls of one open file description; all descriptors that share it share this.
/// The native context begins with the first ioctl that needs it: programs that only look at a node
/// leave no trace on the host. It ends when the kernel closes the file; nothing is undone here.
class OpenNode {
  public:
    OpenNode(const wire::CapsetDrm& capset, const DriverRow& driver)
        : session_(capset), row_(driver) {}

    /// True for requests about syncobjs, which belong to the open file.
    static bool concerns_syncobjs(unsigned long request);
    /// True for requests that only a context can answer.
    static bool needs_context(unsigned long request);
    /// Begins the native context unless it has begun: 0 or a negative errno. -EEXIST: the file has
    /// a context already, which another OpenNode (or another process) began; another try is
    /// possible.
    int start(const Channel& channel);

    /// Any DRM ioctl; starts the context if need be. ≥ 0 or a negative errno.
    int ioctl(const Channel& channel, unsigned long request, void* argument);

    const DriverRow& driver() const { return row_; }
    const wire::CapsetDrm& capset() const { return session_.capset; }

    // Generic ioctls that need more than passing through (rows of a table, hence public).
    int version(const Channel& channel, drm_version& arg);
    int get_cap(const Channel& channel, drm_get_cap& arg);
    int gem_close(const Channel& channel, drm_gem_close& arg);
    int prime_export(const Channel& channel, drm_prime_handle& arg);
    int prime_import(const Channel& channel, drm_prime_handle& arg);
    int add_framebuffer(const Channel& channel, drm_mode_fb_cmd2& arg);

  private:
    void share();
    bool is_guest_memory(const Channel& channel, GemHandle handle) const;

    Session session_;
    const DriverRow& row_;
    Mutex start_mutex_;
    std::atomic<GuestDriver*> started_ = nullptr;
    std::unique_ptr<GuestDriver> driver_ VIADUCT_GUARDED_BY(start_mutex_);
    int start_error_ VIADUCT_GUARDED_BY(start_mutex_) = 0;
    std::once_flag refused_import_;
};

}  // namespace viaduct::guest
