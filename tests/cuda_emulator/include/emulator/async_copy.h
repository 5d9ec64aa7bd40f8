#pragma once
// Copies from global to shared memory that go on in the background: cp.async of the PTX ISA.

namespace emulator {

/// Starts a copy of 4, 8 or 16 bytes, both addresses being multiples of that; of the source only
/// the first `source_bytes` are read, and the rest of the destination becomes 0. The destination
/// holds 0xFF until the calling thread waits, at which the source is read, too: the latest moment
/// that a GPU may take. Copies that a thread never waits for are not made.
void async_copy(void* shared, const void* global, unsigned bytes, unsigned source_bytes);
inline void async_copy(void* shared, const void* global, unsigned bytes) {
  async_copy(shared, global, bytes, bytes);
}

/// cp.async.commit_group: the copies that this thread has started since the last call are a group.
void async_copy_commit();
/// cp.async.wait_group: waits for all groups of this thread but the latest `groups`.
void async_copy_wait(int groups);
/// cp.async.wait_all: waits for all copies of this thread.
void async_copy_wait_all();

}  // namespace emulator
