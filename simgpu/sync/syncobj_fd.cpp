// Syncobjs as opaque descriptors. The object stays in the process that made the descriptor: the
// outer end of a socket pair names it, and a table keeps it until every copy of that end is closed.
#include <unistd.h>

#include <map>
#include <utility>

#include "base/mutex.h"
#include "simgpu/fork_mutex.h"
#include "simgpu/log.h"
#include "simgpu/sync/fd_watcher.h"
#include "simgpu/sync/named_socket.h"
#include "simgpu/sync/syncobj.h"

namespace simgpu::drm {

namespace {

constexpr std::string_view kSyncobjKind = "syncobj";

class ExportedSyncobjs {
  public:
    static ExportedSyncobjs& instance() {
        static auto* objects = new ExportedSyncobjs;  // the watcher's thread may outlive statics
        return *objects;
    }

    void add(uint64_t id, SyncobjPtr object, std::shared_ptr<void> watch) {
        const viaduct::LockGuard lock(mutex_);
        objects_[id] = Entry{std::move(object), std::move(watch), ::getpid()};
    }
    SyncobjPtr find(uint64_t id) {
        const viaduct::LockGuard lock(mutex_);
        const auto found = objects_.find(id);
        const bool ours = found != objects_.end() && found->second.maker == ::getpid();
        return ours ? found->second.object : nullptr;
    }
    void remove(uint64_t id) {
        Entry removed;  // destroyed without the lock
        const viaduct::LockGuard lock(mutex_);
        if (const auto found = objects_.find(id); found != objects_.end()) {
            removed = std::move(found->second);
            objects_.erase(found);
        }
    }

  private:
    struct Entry {
        SyncobjPtr object;
        std::shared_ptr<void> watch;
        pid_t maker = 0;
    };
    ForkMutex mutex_;
    std::map<uint64_t, Entry> objects_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace

viaduct::UniqueFd export_syncobj(const SyncobjPtr& object) {
    NamedSocketPair pair = make_named_socket_pair(kSyncobjKind);
    if (!pair.valid()) return {};
    // The outer end is still open here, so the watch cannot fire before the entry exists.
    auto watch = watch_descriptor(std::move(pair.inner),
                                  [id = pair.id] { ExportedSyncobjs::instance().remove(id); });
    if (!watch) return {};
    ExportedSyncobjs::instance().add(pair.id, object, std::move(watch));
    return std::move(pair.outer);
}

SyncobjPtr import_syncobj(int fd) {
    const auto id = named_socket_id(fd, kSyncobjKind);
    if (!id) return nullptr;
    SyncobjPtr object = ExportedSyncobjs::instance().find(*id);
    if (!object)
        log("syncobj descriptor {} was made by another process: only sync files cross processes",
            fd);
    return object;
}

}  // namespace simgpu::drm
